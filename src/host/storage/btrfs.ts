/**
 * A private area in a btrfs subvolume with a quota group. Writing past its limit fails with EDQUOT; `df` in it shows
 * the whole file system, for which btrfs keeps no other answer (statfs of a subvolume is that of its file system).
 */
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CellaError, isErrno } from '../../errors.js';
import { native } from '../../native/binding.js';
import { areaDirectories, FIRST } from '../../plan/image.js';
import { isNode, SNAPSHOTS_FILE } from '../../state/snapshots.js';
import { copyTree, makeDirectories } from './directory.js';
import type { Area, StoreDriver } from './index.js';
import { STATES } from './states.js';

export const btrfs: StoreDriver = {
  lack: (parent) => (native().isBtrfs(parent) ? undefined : 'its file system is not btrfs'),
  create: async (area) => {
    native().createSubvolume(dirname(area.path), basename(area.path));
    if (area.limits.space) setLimit(area);
    makeDirectories(area);
  },
  fill: (area, source) => copyTree(source, `${area.path}/root`),
  copy: async (source, area) => {
    const { path } = area;
    native().snapshotSubvolume(`${source.path}/${source.chain.node}`, dirname(path), basename(path), false);
    await makeWritable({ ...area, node: '' });
    return FIRST;
  },
  copyNode: async (area, from, node, readOnly) => {
    native().snapshotSubvolume(`${area.path}/${from}`, area.path, node, readOnly);
    if (!readOnly) await makeWritable({ ...area, node });
  },
  prepare: async () => undefined,
  limit: async (area) => setLimit(area),
  remove: async (path) => {
    // Read-only ones cannot be emptied.
    for (const name of readdirSync(path))
      if (isNode(name) || name === STATES) await removeSubvolume(path, name);
    await removeSubvolume(dirname(path), basename(path));
  },
};

/** What a copy of a subvolume must not have of the first one's. */
async function makeWritable(area: Area): Promise<void> {
  if (area.limits.space) setLimit(area);
  const at = `${area.path}/${area.node}`;
  // Files of a snapshot have handles of their own, which overlayfs's index knows nothing of.
  const [, ...books] = areaDirectories(area.tree);
  for (const [name, mode] of books) {
    await rm(`${at}/${name}`, { recursive: true, force: true });
    mkdirSync(`${at}/${name}`, { mode });
  }
  // Of subvolumes in a subvolume its snapshot has empty directories.
  for (const name of readdirSync(at)) if (isNode(name) || name === STATES) rmdirSync(`${at}/${name}`);
  await rm(`${at}/${SNAPSHOTS_FILE}`, { force: true });
}

export async function removeSubvolume(parent: string, name: string): Promise<void> {
  try {
    native().deleteSubvolume(parent, name);
  } catch (error) {
    // A directory, or a subvolume with others in it.
    if (!isErrno(error, 'EINVAL', 'ENOTEMPTY')) throw error;
    await rm(`${parent}/${name}`, { recursive: true, force: true });
  }
}

function setLimit({ path: area, node, limits }: Area): void {
  const path = node === '' ? area : `${area}/${node}`;
  try {
    native().limitSubvolume(path, limits.space?.hard ?? 0n);
  } catch (cause) {
    throw new CellaError('QUOTA_FAILED', `cannot limit subvolume '${path}'`, { cause });
  }
}
