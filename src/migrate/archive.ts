/** Files on their way: what tar makes of them, compressed by zstd or, where they are few, by gzip. */
import { createGunzip, createGzip } from 'node:zlib';
import { CellaError } from '../errors.js';
import { ReadyFilter } from '../host/ready-filter.js';
import { filter } from '../host/run.js';
import { compressionOf, through } from '../template/decompress.js';
import { pathInTree } from '../template/entry-name.js';
import { DEFAULT_LIMITS } from '../template/limits.js';

/** The fastest that is worth it: a network that is faster than it would be a rare one. */
const LEVEL = '-1';
/** Bytes that this process compresses itself in less time than it takes to start another one. */
export const SMALL = 2 << 20;
/** Bytes. */
const MOST_NAMES = 2 ** 30;

const PACK = ['zstd', '-cq', LEVEL, '-T0', '--check'] as const;
const UNPACK = ['zstd', '-dcq'] as const;

/** For what is not there yet, and is not to wait then. */
export const readyToPack = (): ReadyFilter => new ReadyFilter(PACK);
export const readyToUnpack = (): ReadyFilter => new ReadyFilter(UNPACK);

/** `bytes`: about as many as they are. */
export function pack(pieces: AsyncIterable<Uint8Array>, bytes: number): AsyncIterable<Uint8Array> {
  return bytes <= SMALL ? through(createGzip({ level: 1 }), pieces) : filter(PACK, pieces);
}

/** What they were; fails where something is missing or wrong. */
export async function* unpacked(
  pieces: AsyncIterable<Uint8Array>,
  ready?: ReadyFilter,
): AsyncGenerator<Uint8Array> {
  const rest = pieces[Symbol.asyncIterator]();
  const { value: first } = await rest.next();
  const all = (async function* (): AsyncGenerator<Uint8Array> {
    if (first) yield first;
    yield* { [Symbol.asyncIterator]: () => rest };
  })();
  const isSmall = first !== undefined && compressionOf(first) === 'gzip';
  yield* isSmall ? through(createGunzip(), all) : (ready?.through(all) ?? filter(UNPACK, all));
}

/** Paths, each with a zero behind it. */
export async function* namesOut(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < paths.length; at += 1024)
    yield Buffer.from(
      paths
        .slice(at, at + 1024)
        .join('\0')
        .concat('\0'),
      'latin1',
    );
}

/** The same back again, none of which leads out of the tree. */
export async function namesIn(pieces: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.byteLength;
    if (length > MOST_NAMES) throw new CellaError('MIGRATION_FAILED', 'too many names');
    parts.push(piece);
  }
  const names = Buffer.concat(parts).toString('latin1').split('\0').slice(0, -1);
  for (const name of names)
    if (name === '' || pathInTree(name, DEFAULT_LIMITS) !== name)
      throw new CellaError('MIGRATION_FAILED', 'a name leads out of the tree');
  return names;
}
