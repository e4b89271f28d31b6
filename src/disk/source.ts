/** Looking into a disk image: every read is checked against its end, every number against what a file can hold. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { CellaError } from '../errors.js';

export interface Source {
  readonly size: number;
  read(offset: number, length: number): Buffer;
}

/** Bytes of a source, in its own numbering. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** More than any table, label or superblock has: what asks for more lies. */
const MAX_READ = 8 << 20;

/** An image that is broken, or says what cannot be. */
export function badImage(message: string, hint?: string): CellaError {
  return new CellaError('BAD_VALUE', message, hint === undefined ? {} : { hint });
}

export function isWithin({ offset, length }: Range, size: number): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= size - offset
  );
}

export function sourceOf(bytes: Buffer): Source {
  return {
    size: bytes.length,
    read: (offset, length) => {
      check({ offset, length }, bytes.length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A regular file; nothing else has a size that can be relied on. */
export function openSource(path: string): Source & Disposable {
  // A FIFO in its place must not make us wait.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw badImage(`disk image '${path}' is not a regular file`);
  }
  return {
    size: stat.size,
    read: (offset, length) => {
      check({ offset, length }, stat.size);
      const bytes = Buffer.alloc(length);
      if (readSync(fd, bytes, 0, length, offset) !== length) throw truncated();
      return bytes;
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** Some ranges of a source, one after the other, as a source of its own. */
export function joined(source: Source, ranges: readonly Range[]): Source {
  const size = ranges.reduce((sum, { length }) => sum + length, 0);
  return {
    size,
    read: (offset, length) => {
      check({ offset, length }, size);
      const pieces: Buffer[] = [];
      let start = 0;
      for (const range of ranges) {
        const from = Math.max(offset, start);
        const to = Math.min(offset + length, start + range.length);
        if (from < to) pieces.push(source.read(range.offset + from - start, to - from));
        start += range.length;
      }
      return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
    },
  };
}

/** Little-endian, 64 bits; what a double cannot hold no disk has. */
export function u64(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}

function check(range: Range, size: number): void {
  if (range.length > MAX_READ) throw badImage('a structure of the disk image is impossibly large');
  if (!isWithin(range, size)) throw truncated();
}

function truncated(): CellaError {
  return badImage('the disk image ends too early', 'Check that it was copied completely.');
}
