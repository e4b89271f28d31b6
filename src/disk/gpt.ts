/** GUID partition tables: the first one, or the copy at the disk's end where that is broken (UEFI 2.10, chapter 5). */
import { crc32 } from './crc32.js';
import type { Partition } from './partitions.js';
import { badImage, isWithin, type Source, u64 } from './source.js';

const SECTOR_SIZES = [512, 4096];
/** Tools make 128; whoever writes thousands wants to keep us busy. */
const MAX_ENTRIES = 1024;
const NO_TYPE = Buffer.alloc(16);

export function readGpt(source: Source): readonly Partition[] | undefined {
  for (const sector of SECTOR_SIZES) {
    const last = Math.floor(source.size / sector) - 1;
    for (const at of [1, last]) {
      const entries = last < 2 ? undefined : readEntries(source, sector, at);
      if (entries) return entries.map((entry) => partitionOf(entry, sector, source.size));
    }
  }
  return undefined;
}

interface Entry {
  readonly number: number;
  readonly bytes: Buffer;
}

/** undefined: no table here, or one whose checksums say that it is broken. */
function readEntries(source: Source, sector: number, at: number): readonly Entry[] | undefined {
  const header = source.read(at * sector, sector);
  if (header.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const headerSize = header.readUInt32LE(12);
  if (headerSize < 92 || headerSize > sector || u64(header, 24) !== at) return undefined;
  const summed = Buffer.from(header.subarray(0, headerSize));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) return undefined;

  const count = header.readUInt32LE(80);
  const size = header.readUInt32LE(84);
  if (count === 0 || count > MAX_ENTRIES || size < 128 || size > 4096 || size % 128 !== 0)
    throw badImage(`the partition table states ${count} entries of ${size} bytes, which cannot be`);
  const table = { offset: u64(header, 72) * sector, length: count * size };
  if (!isWithin(table, source.size)) return undefined;
  const bytes = source.read(table.offset, table.length);
  if (crc32(bytes) !== header.readUInt32LE(88)) return undefined;
  return Array.from({ length: count }, (_, i) => ({
    number: i + 1,
    bytes: bytes.subarray(i * size, (i + 1) * size),
  })).filter((entry) => !entry.bytes.subarray(0, 16).equals(NO_TYPE));
}

function partitionOf({ number, bytes }: Entry, sector: number, size: number): Partition {
  const first = u64(bytes, 32);
  const range = { offset: first * sector, length: (u64(bytes, 40) - first + 1) * sector };
  if (!isWithin(range, size) || range.length === 0)
    throw badImage(
      `partition ${number} reaches beyond the end of the disk image`,
      'Check that the image was copied completely.',
    );
  const label = bytes.toString('utf16le', 56, 128).replace(/\0.*$/su, '');
  return { number, range, uuid: guid(bytes.subarray(16, 32)), label };
}

/** The first three fields are little-endian. */
export function guid(bytes: Buffer): string {
  const hex = [
    ...[...bytes.subarray(0, 4)].reverse(),
    ...[...bytes.subarray(4, 6)].reverse(),
    ...[...bytes.subarray(6, 8)].reverse(),
    ...bytes.subarray(8, 16),
  ]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
