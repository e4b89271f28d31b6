/** Partition tables: those of sfdisk are in the e2e tests; here what nobody's tool would write. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32 } from '../../../src/disk/crc32.js';
import { readTable } from '../../../src/disk/partitions.js';
import { sourceOf } from '../../../src/disk/source.js';
import { gptTable, mbrTable, type Piece } from '../../../src/disk/write-table.js';
import { CellaError } from '../../../src/errors.js';

const SECTORS = 4096;
const UUIDS = ['00112233-4455-6677-8899-aabbccddeeff', '01234567-89ab-cdef-0123-456789abcdef'] as const;
const LAYOUT = { disk: SECTORS, first: 64, count: 1024, uuids: UUIDS };

function disk(pieces: readonly Piece[]): Buffer {
  const bytes = Buffer.alloc(SECTORS * 512);
  for (const piece of pieces) piece.bytes.copy(bytes, piece.offset);
  return bytes;
}

/** Puts an entry into a table of the old kind. */
function entry(bytes: Buffer, sector: number, slot: number, [type, start, count]: readonly number[]): void {
  const at = sector * 512 + 446 + slot * 16;
  bytes.writeUInt8(type ?? 0, at + 4);
  bytes.writeUInt32LE(start ?? 0, at + 8);
  bytes.writeUInt32LE(count ?? 0, at + 12);
  bytes.writeUInt16LE(0xaa55, sector * 512 + 510);
}

const RANGE = { offset: 64 * 512, length: 1024 * 512 };

describe('a GPT', () => {
  it('is read as it is written', () => {
    expect(readTable(sourceOf(disk(gptTable(LAYOUT))))).toEqual({
      kind: 'gpt',
      partitions: [{ number: 1, range: RANGE, uuid: UUIDS[1], label: 'root' }],
    });
  });

  it('is read from its copy when a bit of the first one is wrong', () => {
    const bytes = disk(gptTable(LAYOUT));
    bytes.writeUInt8(bytes.readUInt8(1024 + 32) ^ 1, 1024 + 32);
    expect(readTable(sourceOf(bytes))?.partitions).toMatchObject([{ range: RANGE }]);
  });

  it('counts beside other entries of a hybrid table', () => {
    const bytes = disk(gptTable(LAYOUT));
    entry(bytes, 0, 1, [0x83, 100, 5]);
    expect(readTable(sourceOf(bytes))?.kind).toBe('gpt');
  });

  it('does not count where the disk has been given an MBR later', () => {
    const bytes = disk(gptTable(LAYOUT));
    mbrTable(LAYOUT)[0]?.bytes.copy(bytes);
    expect(readTable(sourceOf(bytes))?.kind).toBe('mbr');
  });

  it('is an error when both are broken', () => {
    const bytes = disk(gptTable(LAYOUT));
    bytes.fill(0, 512, 1024).fill(0, bytes.length - 512);
    expect(() => readTable(sourceOf(bytes))).toThrow('the GPT of the disk image is broken');
  });

  it.each([
    [0xffffffff, 128],
    [128, 0xffffff80],
    [128, 0],
    [0, 128],
  ])('is refused when it states %d entries of %d bytes', (count, size) => {
    const bytes = disk(gptTable(LAYOUT));
    bytes.writeUInt32LE(count, 512 + 80);
    bytes.writeUInt32LE(size, 512 + 84);
    bytes.writeUInt32LE(0, 512 + 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(512, 512 + 92)), 512 + 16);
    expect(() => readTable(sourceOf(bytes))).toThrow(/which cannot be/);
  });

  it('is refused when a partition reaches beyond the end', () => {
    const bytes = disk(gptTable({ ...LAYOUT, count: SECTORS }));
    expect(() => readTable(sourceOf(bytes))).toThrow('partition 1 reaches beyond the end of the disk image');
  });
});

describe('an MBR', () => {
  it('has logical partitions from number 5 on', () => {
    const bytes = disk([]);
    entry(bytes, 0, 0, [0x83, 64, 10]);
    entry(bytes, 0, 1, [0x05, 100, 1000]);
    entry(bytes, 100, 0, [0x83, 2, 20]);
    entry(bytes, 100, 1, [0x05, 50, 40]);
    entry(bytes, 150, 0, [0x83, 3, 30]);
    expect(readTable(sourceOf(bytes))).toEqual({
      kind: 'mbr',
      partitions: [
        { number: 1, range: { offset: 64 * 512, length: 5120 }, uuid: '00000000-01', label: '' },
        { number: 5, range: { offset: 102 * 512, length: 10_240 }, uuid: '00000000-05', label: '' },
        { number: 6, range: { offset: 153 * 512, length: 15_360 }, uuid: '00000000-06', label: '' },
      ],
    });
  });

  it('is refused when its chain of logical partitions is a ring', () => {
    const bytes = disk([]);
    entry(bytes, 0, 0, [0x05, 100, 1000]);
    entry(bytes, 100, 1, [0x05, 50, 40]);
    entry(bytes, 150, 1, [0x05, 0, 40]);
    expect(() => readTable(sourceOf(bytes))).toThrow('has no end');
  });
});

it('any bytes where a table should be end in a result or in one sentence', () => {
  const bytes = fc.uint8Array({ minLength: 512, maxLength: 512 });
  fc.assert(
    fc.property(bytes, bytes, fc.boolean(), fc.nat(2000), (first, second, isGpt, at) => {
      const image = disk(isGpt ? gptTable(LAYOUT) : mbrTable(LAYOUT));
      image.set(isGpt ? second : first, isGpt ? at : at % 64);
      image.writeUInt16LE(0xaa55, 510);
      try {
        readTable(sourceOf(image));
      } catch (error) {
        expect(error).toBeInstanceOf(CellaError);
      }
    }),
    { numRuns: 300 },
  );
});
