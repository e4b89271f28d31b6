/** Attributes of netlink messages: a length, a type, a value, padded to four bytes (netlink(7), <linux/netlink.h>). */

const HEADER = 4;
const NESTED = 0x8000;
/** The two upper bits of a type are flags. */
const TYPE_MASK = 0x3fff;

export const aligned = (size: number): number => (size + 3) & ~3;

/** One with raw bytes; an attribute cannot hold more than 65,531 of them (ERANGE, a RangeError). */
export function attribute(type: number, value: Uint8Array): Buffer {
  const size = HEADER + value.length;
  if (size > 0xffff) throw new RangeError(`attribute ${type} is too long for netlink: ${value.length} bytes`);
  const bytes = Buffer.alloc(aligned(size));
  bytes.writeUInt16LE(size, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, HEADER);
  return bytes;
}

export function nested(type: number, ...inner: readonly Uint8Array[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(inner));
}

export const u8 = (type: number, value: number): Buffer => attribute(type, Buffer.from([value]));

export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return attribute(type, bytes);
}

/** In network byte order, as nfnetlink has its numbers. */
export function u32be(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return attribute(type, bytes);
}

/** Zero-terminated. */
export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`));

/** By type; of several with the same type the last. What is cut short is left out. */
export function readAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  return new Map(listAttributes(bytes));
}

/** In their order: lists are nested attributes of one type. */
export function listAttributes(bytes: Buffer): readonly (readonly [type: number, value: Buffer])[] {
  const found: (readonly [number, Buffer])[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const size = bytes.readUInt16LE(at);
    if (size < HEADER || at + size > bytes.length) break;
    found.push([bytes.readUInt16LE(at + 2) & TYPE_MASK, bytes.subarray(at + HEADER, at + size)]);
    at += aligned(size);
  }
  return found;
}

/** A zero-terminated text. */
export function readText(value: Buffer): string {
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}
