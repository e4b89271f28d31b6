/** Images of CRIU on their way. What comes is a stranger's: files by the names that images have, and nothing else. */
import { readdirSync } from 'node:fs';
import { CellaError } from '../errors.js';
import { filter } from '../host/run.js';
import { unpack } from '../template/unpack.js';
import { pack, unpacked } from './archive.js';
import type { Link } from './link.js';

const IMAGE = /^[\w.-]+\.img$/;

/** All of a directory, and no logs. */
export async function sendImages(link: Link, directory: string): Promise<void> {
  const names = readdirSync(directory).filter((name) => IMAGE.test(name));
  const tar = ['tar', '--create', '--file=-', '--format=posix', `--directory=${directory}`] as const;
  await link.sendBytes(pack(filter([...tar, '--', ...names], none())));
}

export async function receiveImages(link: Link, directory: string): Promise<void> {
  await unpack(unpacked(link.bytes()), directory, { select: (path) => IMAGE.test(path) });
  const odd = readdirSync(directory, { withFileTypes: true }).find(
    (entry) => IMAGE.test(entry.name) && !entry.isFile(),
  );
  if (odd) throw new CellaError('MIGRATION_FAILED', `'${odd.name}' is no file, and cannot be an image`);
}

async function* none(): AsyncGenerator<Uint8Array> {}
