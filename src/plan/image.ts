/** The disk image of a private area: how large it is made, and with what. Pure. */
import type { DiskLimits } from '../config/container-config.js';
import type { Tree } from '../config/layout.js';

export const IMAGE_BLOCK = 4096n;
const JOURNAL_MIB = 16;
const INODE_SIZE = 256;
/** mke2fs's own when no limit of files is set: one for every 16 KiB. */
const BYTES_PER_INODE = 16_384;

/** Of an ext4 (Documentation/filesystems/ext4/globals.rst, super block), in blocks of 4 KiB. */
export interface Geometry {
  readonly blocks: bigint;
  readonly blocksPerGroup: bigint;
  readonly inodesPerGroup: bigint;
  /** What the file system keeps for itself. */
  readonly overhead: bigint;
}

/** Blocks that a new file system begins to be tried with. */
export function firstBlocks({ space, inodes }: DiskLimits): bigint | undefined {
  if (!space) return undefined;
  const tables = (inodes?.hard ?? space.hard / BigInt(BYTES_PER_INODE)) * BigInt(INODE_SIZE);
  return (space.hard + tables + BigInt(JOURNAL_MIB << 20)) / IMAGE_BLOCK + 64n;
}

/**
 * Blocks with which a file system like `now` offers `space` to the container: every group that comes or goes takes its
 * bitmaps and its table of inodes along.
 */
export function blocksFor(space: bigint, now: Geometry): bigint {
  const inGroup = (now.inodesPerGroup * BigInt(INODE_SIZE)) / IMAGE_BLOCK + 2n;
  const groups = (blocks: bigint): bigint => (blocks + now.blocksPerGroup - 1n) / now.blocksPerGroup;
  const wanted = space / IMAGE_BLOCK;
  let blocks = now.blocks;
  for (let i = 0; i < 8; i += 1) {
    const overhead = now.overhead + (groups(blocks) - groups(now.blocks)) * inGroup;
    blocks = wanted + overhead;
  }
  return blocks;
}

const MAGIC = 0xef53;

/** `superblock`: the 1024 bytes at offset 1024; undefined when they are not an ext4's of 4 KiB blocks. */
export function parseGeometry(superblock: Buffer): Geometry | undefined {
  if (
    superblock.length < 1024 ||
    superblock.readUInt16LE(0x38) !== MAGIC ||
    superblock.readUInt32LE(0x18) !== 2
  )
    return undefined;
  const high = BigInt(superblock.readUInt32LE(0x150)) << 32n;
  return {
    blocks: high | BigInt(superblock.readUInt32LE(0x4)),
    blocksPerGroup: BigInt(superblock.readUInt32LE(0x20)),
    inodesPerGroup: BigInt(superblock.readUInt32LE(0x28)),
    overhead: BigInt(superblock.readUInt32LE(0x248)),
  };
}

/** What files take of an ext4 that is not mounted, as statfs(2) tells it of one that is. */
export function parseUsage(
  superblock: Buffer,
): { readonly blocks: bigint; readonly files: bigint } | undefined {
  const geometry = parseGeometry(superblock);
  if (!geometry) return undefined;
  const free = (BigInt(superblock.readUInt32LE(0x158)) << 32n) | BigInt(superblock.readUInt32LE(0xc));
  const used = geometry.blocks - geometry.overhead - free;
  const files = superblock.readUInt32LE(0x0) - superblock.readUInt32LE(0x10);
  return { blocks: used > 0n ? used : 0n, files: BigInt(Math.max(0, files)) };
}

/**
 * Arguments of mkfs.ext4 for an image that is all holes: nothing of it is written that is zero anyway, so that a fresh
 * one takes some hundred KiB. `contents`: a directory whose files it begins with.
 */
export function mkfsArguments(limits: DiskLimits, contents: string, image: string): readonly string[] {
  return [
    '-q',
    '-F',
    ...['-b', String(IMAGE_BLOCK), '-I', String(INODE_SIZE)],
    // What is kept for root would be kept from the container, which has its own.
    ...['-m', '0', '-J', `size=${JOURNAL_MIB}`],
    ...(limits.inodes ? ['-N', String(limits.inodes.hard)] : ['-i', String(BYTES_PER_INODE)]),
    ...(limits.userQuotas ? ['-O', 'quota', '-E', 'quotatype=usrquota:grpquota'] : []),
    ...['-E', 'assume_storage_prezeroed=1,nodiscard,root_owner=0:0'],
    ...['-d', contents, image],
  ];
}

type AreaDirectory = readonly [name: string, mode: number];

/** Directories at the top of a private area, with their modes; its contents come first. */
export function areaDirectories(tree: Tree): readonly [AreaDirectory, ...AreaDirectory[]] {
  // 0755: what the container sees as "/".
  if (tree === 'plain') return [['root', 0o755]];
  return [
    ['upper', 0o755],
    ['work', 0o700],
  ];
}

/**
 * Which directories of a private area make its root. A node is one that holds `areaDirectories`: "" is the area itself.
 * An overlay may lie on nodes of snapshots, topmost first.
 */
export interface Chain {
  readonly node: string;
  readonly below: readonly string[];
}

export const FIRST: Chain = { node: '', below: [] };

/** Of a directory in a node, as a path in the area. */
export function inNode(node: string, name: string): string {
  return node === '' ? name : `${node}/${name}`;
}

/** Of the image in a private area. */
export const IMAGE_NAME = 'disk.img';

/** Of the mount, not of the file system; it has them as they are, wherever it shows. */
const OF_THE_MOUNT = ['defaults', 'rw', 'noatime', 'nodiratime', 'nodev', 'nosuid'];

/** How its file system is mounted: what the container's quotas need, and what its configuration asks for. */
export function imageOptions(limits: DiskLimits, wanted: readonly string[]): readonly string[] {
  return [
    ...(limits.userQuotas ? ['usrquota', 'grpquota'] : []),
    ...wanted.filter((option) => !OF_THE_MOUNT.includes(option)),
  ];
}
