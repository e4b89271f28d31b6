/**
 * Headers of tar archives (POSIX ustar, with what GNU tar adds). tar-stream makes thirty Buffers of each, which takes as
 * long as all the rest of unpacking on the JavaScript thread.
 */
import type { TarHeader } from './tar-reader.js';

const TYPES: Readonly<Record<number, TarHeader['type']>> = {
  0: 'file',
  48: 'file',
  49: 'link',
  50: 'symlink',
  51: 'character-device',
  52: 'block-device',
  53: 'directory',
  54: 'fifo',
  55: 'contiguous-file',
  75: 'gnu-long-link-path',
  76: 'gnu-long-path',
  78: 'gnu-long-path',
  103: 'pax-global-header',
  120: 'pax-header',
};

const SPACE = 0x20;
const CHECKSUM = { at: 148, end: 156 } as const;

/** null: a block of zeros, as an archive ends with. Fails where the checksum is wrong. */
export function decodeHeader(block: Buffer): TarHeader | null {
  const sum = checksumOf(block);
  if (sum === (CHECKSUM.end - CHECKSUM.at) * SPACE) return null;
  if (sum !== numberAt(block, CHECKSUM.at, 8)) throw new Error('a header has a wrong checksum');
  const name = nameOf(block);
  const size = numberAt(block, 124, 12);
  const type = TYPES[block[156] ?? 0] ?? null;
  return {
    name,
    mode: numberAt(block, 100, 8),
    uid: numberAt(block, 108, 8),
    gid: numberAt(block, 116, 8),
    size,
    mtime: new Date(1000 * numberAt(block, 136, 12)),
    // As tars older than POSIX have them.
    type: type === 'file' && size === 0 && name.endsWith('/') ? 'directory' : type,
    linkname: block[157] === 0 ? null : textAt(block, 157, 100),
    devmajor: numberAt(block, 329, 8),
    devminor: numberAt(block, 337, 8),
    pax: null,
    sparse: null,
  };
}

function nameOf(block: Buffer): string {
  const name = textAt(block, 0, 100);
  // "ustar" and a zero: there is a prefix; what GNU tar has there is something else.
  const isPosix = block[345] !== 0 && block.toString('latin1', 257, 263) === 'ustar\0';
  return isPosix ? `${textAt(block, 345, 155)}/${name}` : name;
}

/** All bytes, those of the checksum itself taken for spaces. */
function checksumOf(block: Buffer): number {
  let sum = (CHECKSUM.end - CHECKSUM.at) * SPACE;
  for (let i = 0; i < CHECKSUM.at; i += 1) sum += block[i] ?? 0;
  for (let i = CHECKSUM.end; i < block.length; i += 1) sum += block[i] ?? 0;
  return sum;
}

/** Up to the first zero, a byte in each character. */
function textAt(block: Buffer, at: number, size: number): string {
  let end = at;
  while (end < at + size && block[end] !== 0) end += 1;
  return block.toString('latin1', at, end);
}

/** Octal digits, or a number of bytes where the first has its highest bit set; NaN where there is neither. */
function numberAt(block: Buffer, at: number, size: number): number {
  const end = at + size;
  if ((block[at] ?? 0) & 0x80) return bytesAt(block, at, end);
  let next = at;
  while (next < end && block[next] === SPACE) next += 1;
  while (next < end && block[next] === 0) next += 1;
  if (next === end || block[next] === SPACE) return 0;
  let value = Number.NaN;
  for (; next < end; next += 1) {
    const digit = (block[next] ?? 0) - 48;
    if (digit < 0 || digit > 7) break;
    value = (Number.isNaN(value) ? 0 : value) * 8 + digit;
  }
  return value;
}

/** Big endian, two's complement; the first byte says no more than the sign. */
function bytesAt(block: Buffer, at: number, end: number): number {
  const isNegative = block[at] === 0xff;
  if (!isNegative && block[at] !== 0x80) return Number.NaN;
  let value = 0;
  for (let i = at + 1; i < end; i += 1) {
    const byte = block[i] ?? 0;
    value = value * 256 + (isNegative ? 255 - byte : byte);
  }
  return isNegative ? -value - 1 : value;
}
