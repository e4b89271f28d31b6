/** Images of CRIU on their way. What comes is a stranger's: files by the names that images have, and nothing else. */
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Pack, pack as tarPack } from 'tar-stream';
import { CellaError } from '../errors.js';
import type { ReadyFilter } from '../host/ready-filter.js';
import { unpack } from '../template/unpack.js';
import { pack, readyToPack, unpacked } from './archive.js';
import type { Link } from './link.js';

const IMAGE = /^[\w.-]+\.img$/;
const PAGES = /^pages-(\d+)\.img$/;

const imagesIn = (directory: string): readonly string[] =>
  readdirSync(directory).filter((name) => IMAGE.test(name));

/** All of a directory, and no logs. */
export async function sendImages(link: Link, directory: string): Promise<void> {
  const names = imagesIn(directory);
  const bytes = names.reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0);
  await link.sendBytes(pack(tarOf(directory, names), bytes));
}

/** Bytes, packed, that wait until they may go. */
const WAITING = 64 << 20;

/** Images of memory are packed while CRIU writes others: their container stands still until all are at the other end. */
export class ImagePacker implements AsyncDisposable {
  // Before there is anything to pack.
  #packs = readyToPack();
  #packed: PassThrough | undefined;
  #complete: () => void = () => undefined;

  /** They will be in that directory; again: those of before are not sent after all. */
  async begin(directory: string): Promise<void> {
    if (this.#packed) {
      await this[Symbol.asyncDispose]();
      this.#packs = readyToPack();
    }
    const complete = new Promise<void>((resolve) => {
      this.#complete = resolve;
    });
    const tar = tarOf(directory, asWritten(directory, complete));
    const packed = new PassThrough({ highWaterMark: WAITING });
    // Whoever sends learns of what fails.
    pipeline(Readable.from(this.#packs.through(tar)), packed).catch(() => undefined);
    this.#packed = packed;
  }

  /** All are written. */
  async send(link: Link): Promise<void> {
    this.#complete();
    await link.sendBytes(this.#packed as PassThrough);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#complete();
    this.#packed?.destroy();
    await this.#packs[Symbol.asyncDispose]();
  }
}

const LOOK_MS = 5;

/** Names of images of memory as soon as each is whole; those of all others once `complete` is settled. */
async function* asWritten(directory: string, complete: Promise<void>): AsyncGenerator<string> {
  const told = new Set<string>();
  const goesOn = complete.then(() => false);
  do {
    const names = wholePages(directory).filter((name) => !told.has(name));
    for (const name of names) told.add(name);
    yield* names;
  } while (await Promise.race([goesOn, sleep(LOOK_MS, true)]));
  yield* imagesIn(directory).filter((name) => !told.has(name));
}

/** CRIU numbers them as it writes them, one after the other: all but the last one. */
function wholePages(directory: string): readonly string[] {
  const numbers = readdirSync(directory).flatMap((name) => PAGES.exec(name)?.slice(1).map(Number) ?? []);
  return numbers
    .sort((a, b) => a - b)
    .slice(0, -1)
    .map((number) => `pages-${number}.img`);
}

async function* tarOf(
  directory: string,
  names: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Uint8Array> {
  const tar = tarPack();
  put(tar, directory, names).catch((error: Error) => tar.destroy(error));
  yield* tar as AsyncIterable<Uint8Array>;
}

/** Bytes that are read at once. */
const PIECE = 1 << 20;

async function put(
  tar: Pack,
  directory: string,
  names: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  for await (const name of names) {
    const path = `${directory}/${name}`;
    const header = { name, mode: 0o644, size: statSync(path).size };
    if (header.size <= PIECE) tar.entry(header, readFileSync(path));
    else await pipeline(createReadStream(path, { highWaterMark: PIECE }), tar.entry(header));
  }
  tar.finalize();
}

export async function receiveImages(link: Link, directory: string, unpacks?: ReadyFilter): Promise<void> {
  await unpack(unpacked(link.bytes(), unpacks), directory, { select: (path) => IMAGE.test(path) });
  const odd = readdirSync(directory, { withFileTypes: true }).find(
    (entry) => IMAGE.test(entry.name) && !entry.isFile(),
  );
  if (odd) throw new CellaError('MIGRATION_FAILED', `'${odd.name}' is no file, and cannot be an image`);
}
