/** Images of CRIU on their way. What comes is a stranger's: files by the names that images have, and nothing else. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { pack as tarPack } from 'tar-stream';
import { CellaError } from '../errors.js';
import type { ReadyFilter } from '../host/ready-filter.js';
import { filter } from '../host/run.js';
import { unpack } from '../template/unpack.js';
import { pack, unpacked } from './archive.js';
import type { Link } from './link.js';

const IMAGE = /^[\w.-]+\.img$/;

/** Bytes that this process reads sooner than another one is started. */
const FEW = 32 << 20;

/** All of a directory, and no logs. */
export async function sendImages(link: Link, directory: string, ready?: ReadyFilter): Promise<void> {
  const names = readdirSync(directory).filter((name) => IMAGE.test(name));
  const bytes = names.reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0);
  await link.sendBytes(pack(bytes <= FEW ? few(directory, names) : many(directory, names), bytes, ready));
}

/** Without another process: what they are of stands still meanwhile. */
async function* few(directory: string, names: readonly string[]): AsyncGenerator<Uint8Array> {
  const tar = tarPack();
  for (const name of names) tar.entry({ name, mode: 0o644 }, readFileSync(`${directory}/${name}`));
  tar.finalize();
  yield* tar as AsyncIterable<Uint8Array>;
}

function many(directory: string, names: readonly string[]): AsyncIterable<Uint8Array> {
  const tar = ['tar', '--create', '--file=-', '--format=posix', `--directory=${directory}`] as const;
  return filter([...tar, '--', ...names], none());
}

export async function receiveImages(link: Link, directory: string, ready?: ReadyFilter): Promise<void> {
  await unpack(unpacked(link.bytes(), ready), directory, { select: (path) => IMAGE.test(path) });
  const odd = readdirSync(directory, { withFileTypes: true }).find(
    (entry) => IMAGE.test(entry.name) && !entry.isFile(),
  );
  if (odd) throw new CellaError('MIGRATION_FAILED', `'${odd.name}' is no file, and cannot be an image`);
}

async function* none(): AsyncGenerator<Uint8Array> {}
