/** A private area in a plain directory, without a limit of its own. */
import { chmodSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { CellaError } from '../../errors.js';
import { areaDirectories } from '../../plan/image.js';
import { run } from '../run.js';
import type { Area, StoreDriver } from './index.js';

export const directory: StoreDriver = {
  lack: () => undefined,
  create: async (area) => makeDirectories(area),
  fill: (area, source) => copyTree(source, `${area.path}/root`),
  copy: async (source, area) => {
    makeDirectories(area);
    await copyContents(source, area);
  },
  prepare: async () => undefined,
  limit: async () => {
    throw new CellaError('QUOTA_FAILED', 'a private area in a plain directory has no disk limit', {
      hint: 'Convert it to a layout that has one: vzctl convert CTID --layout overlay:image',
    });
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

/** The area itself and what is at its top. mkdir(2) would take the umask into account. */
export function makeDirectories({ path, tree }: Pick<Area, 'path' | 'tree'>): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const [name, mode] of areaDirectories(tree)) {
    mkdirSync(`${path}/${name}`);
    chmodSync(`${path}/${name}`, mode);
  }
}

/**
 * Without overlayfs's own book: its index names files by their handles, which a copy does not share, and the overlay
 * would be refused (Documentation/filesystems/overlayfs.rst, "Index").
 */
export async function copyContents(
  source: string,
  { path, tree }: Pick<Area, 'path' | 'tree'>,
): Promise<void> {
  const [[contents]] = areaDirectories(tree);
  await copyTree(`${source}/${contents}`, `${path}/${contents}`);
}

/** Owners, modes, times, hard links, holes and extended attributes are kept; blocks are shared where they can be. */
export async function copyTree(source: string, target: string): Promise<void> {
  await run(['cp', '--archive', '--reflink=auto', '--no-target-directory', source, target]);
}
