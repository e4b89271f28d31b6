/** A partition table with one Linux partition, as bytes to be put on a disk. Pure. */
import { crc32 } from './crc32.js';
import { SECTOR } from './mbr.js';

export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** In sectors; `uuids`: of the disk and of the partition, as text. */
export interface Layout {
  readonly disk: number;
  readonly first: number;
  readonly count: number;
  readonly uuids: readonly [string, string];
}

const LINUX = '0fc63daf-8483-4772-8e79-3d69d8477de4';
const ENTRIES = 128;
const ENTRY_SIZE = 128;
const TABLE_SECTORS = (ENTRIES * ENTRY_SIZE) / SECTOR;

export function mbrTable({ first, count, uuids: [id] }: Layout): readonly Piece[] {
  const bytes = mbrSector({ type: 0x83, flag: 0x80, first, count });
  bytes.write(id.slice(0, 8), 440, 'hex');
  return [{ offset: 0, bytes }];
}

export function gptTable(layout: Layout): readonly Piece[] {
  const { disk, first, count, uuids } = layout;
  const entries = Buffer.alloc(ENTRIES * ENTRY_SIZE);
  putGuid(entries, 0, LINUX);
  putGuid(entries, 16, uuids[1]);
  entries.writeBigUInt64LE(BigInt(first), 32);
  entries.writeBigUInt64LE(BigInt(first + count - 1), 40);
  entries.write('root', 56, 'utf16le');
  const last = disk - 1;
  const header = (at: number, other: number, table: number): Piece => ({
    offset: at * SECTOR,
    bytes: gptHeader({ layout, at, other, table, entries }),
  });
  const copy = last - TABLE_SECTORS;
  return [
    {
      offset: 0,
      bytes: mbrSector({ type: 0xee, flag: 0, first: 1, count: Math.min(last, 0xffffffff) }),
    },
    header(1, last, 2),
    { offset: 2 * SECTOR, bytes: entries },
    { offset: copy * SECTOR, bytes: entries },
    header(last, 1, copy),
  ];
}

interface MbrEntry {
  readonly type: number;
  readonly flag: number;
  readonly first: number;
  readonly count: number;
}

function mbrSector({ type, flag, first, count }: MbrEntry): Buffer {
  const sector = Buffer.alloc(SECTOR);
  // Cylinders, heads and sectors: "ask the other numbers".
  sector.set([flag, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff], 446);
  sector.writeUInt32LE(first, 454);
  sector.writeUInt32LE(count, 458);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

interface GptHeader {
  readonly layout: Layout;
  readonly at: number;
  readonly other: number;
  readonly table: number;
  readonly entries: Buffer;
}

function gptHeader({ layout, at, other, table, entries }: GptHeader): Buffer {
  const header = Buffer.alloc(SECTOR);
  const usable = [2 + TABLE_SECTORS, layout.disk - TABLE_SECTORS - 2] as const;
  header.write('EFI PART', 0, 'latin1');
  header.writeUInt32LE(0x10000, 8);
  header.writeUInt32LE(92, 12);
  for (const [i, value] of [at, other, ...usable].entries())
    header.writeBigUInt64LE(BigInt(value), 24 + i * 8);
  putGuid(header, 56, layout.uuids[0]);
  header.writeBigUInt64LE(BigInt(table), 72);
  header.writeUInt32LE(ENTRIES, 80);
  header.writeUInt32LE(ENTRY_SIZE, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  return header;
}

/** The first three fields are little-endian. */
function putGuid(bytes: Buffer, offset: number, text: string): void {
  const plain = Buffer.from(text.replaceAll('-', ''), 'hex');
  plain.subarray(0, 4).reverse();
  plain.subarray(4, 6).reverse();
  plain.subarray(6, 8).reverse();
  plain.copy(bytes, offset);
}
