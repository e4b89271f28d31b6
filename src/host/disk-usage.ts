/** How much of its disk a container uses, whether it runs or not. */
import { closeSync, existsSync, openSync, readSync, statfsSync } from 'node:fs';
import type { Store } from '../config/layout.js';
import { native } from '../native/binding.js';
import { IMAGE_BLOCK, IMAGE_NAME, parseUsage } from '../plan/image.js';

/** Bytes, and files. */
export interface DiskUsage {
  readonly bytes: bigint;
  readonly files: bigint;
}

export interface DiskPlace {
  readonly store: Store | 'auto';
  readonly privateArea: string;
  /** Where its tree is mounted; undefined: nowhere. */
  readonly root: string | undefined;
}

/** Undefined where nothing counts it: a directory without a quota, a subvolume, no private area. */
export function diskUsage({ store, privateArea, root }: DiskPlace): DiskUsage | undefined {
  if (!existsSync(privateArea)) return undefined;
  if (store === 'quota') {
    const { bytes, inodes } = native().projectUsage(privateArea, native().projectOf(privateArea));
    return { bytes, files: inodes };
  }
  if (store !== 'image') return undefined;
  return root === undefined ? inImage(`${privateArea}/${IMAGE_NAME}`) : mountedAt(root);
}

function mountedAt(root: string): DiskUsage {
  const { blocks, bfree, bsize, files, ffree } = statfsSync(root, { bigint: true });
  return { bytes: (blocks - bfree) * bsize, files: files - ffree };
}

/** Where it is not mounted the image itself says it. */
function inImage(path: string): DiskUsage | undefined {
  if (!existsSync(path)) return undefined;
  const superblock = Buffer.alloc(1024);
  const file = openSync(path, 'r');
  try {
    readSync(file, superblock, 0, 1024, 1024);
  } finally {
    closeSync(file);
  }
  const usage = parseUsage(superblock);
  return usage && { bytes: usage.blocks * IMAGE_BLOCK, files: usage.files };
}
