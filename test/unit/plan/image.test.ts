/** Sizes of disk images: what the container gets is what was asked for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksFor, firstBlocks, type Geometry, parseGeometry } from '../../../src/plan/image.js';

const BLOCK = 4096n;
const geometry: fc.Arbitrary<Geometry> = fc.record({
  blocks: fc.bigInt({ min: 20_000n, max: 1n << 32n }),
  blocksPerGroup: fc.constant(32_768n),
  inodesPerGroup: fc.integer({ min: 1, max: 2048 }).map((at) => BigInt(at * 16)),
  overhead: fc.bigInt({ min: 100n, max: 15_000n }),
});

describe('blocksFor', () => {
  it('offers the space, but for the tables of one group', () => {
    fc.assert(
      fc.property(geometry, fc.bigInt({ min: 1n << 26n, max: 1n << 44n }), (now, space) => {
        const blocks = blocksFor(space, now);
        const groups = (at: bigint): bigint => (at + now.blocksPerGroup - 1n) / now.blocksPerGroup;
        const inGroup = (now.inodesPerGroup * 256n) / BLOCK + 2n;
        const overhead = now.overhead + (groups(blocks) - groups(now.blocks)) * inGroup;
        const missed = blocks - overhead - space / BLOCK;
        return missed >= -inGroup && missed <= inGroup;
      }),
    );
  });

  it('changes nothing where nothing is to be changed', () => {
    const now = { blocks: 40_000n, blocksPerGroup: 32_768n, inodesPerGroup: 8192n, overhead: 3000n };
    expect(blocksFor((now.blocks - now.overhead) * BLOCK, now)).toBe(now.blocks);
  });
});

describe('firstBlocks', () => {
  it('is undefined without a limit, else more than the limit', () => {
    const space = { soft: 1n << 30n, hard: 1n << 30n };
    expect(firstBlocks({ space: undefined, inodes: undefined, userQuotas: false })).toBeUndefined();
    expect(firstBlocks({ space, inodes: undefined, userQuotas: false })).toBeGreaterThan(space.hard / BLOCK);
  });
});

describe('parseGeometry', () => {
  it('refuses what is no ext4 of 4 KiB blocks', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1024 }),
        (bytes) => parseGeometry(Buffer.from(bytes)) === undefined,
      ),
    );
    const superblock = Buffer.alloc(1024);
    superblock.writeUInt16LE(0xef53, 0x38);
    expect(parseGeometry(superblock)).toBeUndefined();
    superblock.writeUInt32LE(2, 0x18);
    superblock.writeUInt32LE(77, 0x4);
    expect(parseGeometry(superblock)).toMatchObject({ blocks: 77n });
  });
});
