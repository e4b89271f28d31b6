/** Files on their way: what tar makes of them, through zstd. */

import { CellaError } from '../errors.js';
import { filter } from '../host/run.js';
import { pathInTree } from '../template/entry-name.js';
import { DEFAULT_LIMITS } from '../template/limits.js';

/** The fastest that is worth it: a network that is faster than it would be a rare one. */
const LEVEL = '-1';
/** Bytes. */
const MOST_NAMES = 2 ** 30;

export function pack(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return filter(['zstd', '-cq', LEVEL, '-T0', '--check'], pieces);
}

export function unpacked(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return filter(['zstd', '-dcq'], pieces);
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
