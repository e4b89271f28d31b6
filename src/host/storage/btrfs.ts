/**
 * A private area in a btrfs subvolume with a quota group. Writing past its limit fails with EDQUOT; `df` in it shows
 * the whole file system, for which btrfs keeps no other answer (statfs of a subvolume is that of its file system).
 */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CellaError, isErrno } from '../../errors.js';
import { native } from '../../native/binding.js';
import { areaDirectories } from '../../plan/image.js';
import { copyTree, makeDirectories } from './directory.js';
import type { Area, StoreDriver } from './index.js';

export const btrfs: StoreDriver = {
  lack: (parent) => (native().isBtrfs(parent) ? undefined : 'its file system is not btrfs'),
  create: async (area) => {
    native().createSubvolume(dirname(area.path), basename(area.path));
    if (area.limits.space) setLimit(area);
    makeDirectories(area);
  },
  fill: (area, source) => copyTree(source, `${area.path}/root`),
  copy: async (source, area) => {
    native().snapshotSubvolume(source, dirname(area.path), basename(area.path), false);
    if (area.limits.space) setLimit(area);
    // Files of a snapshot have handles of their own, which overlayfs's index knows nothing of.
    const [, ...books] = areaDirectories(area.tree);
    for (const [name, mode] of books) {
      await rm(`${area.path}/${name}`, { recursive: true, force: true });
      mkdirSync(`${area.path}/${name}`, { mode });
    }
  },
  prepare: async () => undefined,
  limit: async (area) => setLimit(area),
  remove: async (path) => {
    try {
      native().deleteSubvolume(dirname(path), basename(path));
    } catch (error) {
      // A directory, or a subvolume with others in it.
      if (!isErrno(error, 'EINVAL', 'ENOTEMPTY')) throw error;
      await rm(path, { recursive: true, force: true });
    }
  },
};

function setLimit({ path, limits }: Area): void {
  try {
    native().limitSubvolume(path, limits.space?.hard ?? 0n);
  } catch (cause) {
    throw new CellaError('QUOTA_FAILED', `cannot limit subvolume '${path}'`, { cause });
  }
}
