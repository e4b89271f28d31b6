/** A private area in a plain directory, without a limit of its own. */
import { chmodSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Tree } from '../../config/layout.js';
import { CellaError } from '../../errors.js';
import { native } from '../../native/binding.js';
import { areaDirectories, inNode } from '../../plan/image.js';
import { nodesOf } from '../../state/snapshots.js';
import { run } from '../run.js';
import type { Area, Source, StoreDriver } from './index.js';

interface Place {
  readonly path: string;
  readonly tree: Tree;
  /** Default: the area itself. */
  readonly node?: string;
}

export const directory: StoreDriver = {
  lack: () => undefined,
  create: async (area) => makeDirectories(area),
  fill: (area, source) => copyTree(source, `${area.path}/root`),
  copy: async (source, area) => {
    makeDirectories({ ...area, node: source.chain.node });
    await copyChain(source, area);
    return source.chain;
  },
  copyNode,
  prepare: async () => undefined,
  limit: async () => {
    throw new CellaError('QUOTA_FAILED', 'a private area in a plain directory has no disk limit', {
      hint: 'Convert it to a layout that has one: vzctl convert CTID --layout overlay:image',
    });
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

/** The area itself and what is at its top. mkdir(2) would take the umask into account. */
export function makeDirectories({ path, tree, node = '' }: Place): void {
  mkdirSync(`${path}/${node}`, { recursive: true, mode: 0o700 });
  for (const [name, mode] of areaDirectories(tree)) {
    mkdirSync(`${path}/${inNode(node, name)}`);
    chmodSync(`${path}/${inNode(node, name)}`, mode);
  }
}

/**
 * Without overlayfs's own book: its index names files by their handles, which a copy does not share, and the overlay
 * would be refused (Documentation/filesystems/overlayfs.rst, "Index").
 */
export async function copyContents(source: string, { path, tree, node = '' }: Place): Promise<void> {
  const [[contents]] = areaDirectories(tree);
  await copyTree(`${source}/${contents}`, `${path}/${inNode(node, contents)}`);
}

/** Into an area that has the directories of the chain's first node. */
export async function copyChain({ path, chain }: Source, area: Area): Promise<void> {
  for (const node of nodesOf(chain)) {
    if (node !== chain.node) makeDirectories({ ...area, node });
    await copyContents(`${path}/${node}`, { ...area, node });
    // What it lies on has other handles now.
    if (chain.below.length > 0 && area.tree === 'overlay')
      await native().clearOrigins(`${area.path}/${inNode(node, 'upper')}`);
  }
}

/** Blocks are shared where the file system can. */
export async function copyNode({ path, tree }: Area, from: string, node: string): Promise<void> {
  makeDirectories({ path, tree, node });
  await copyContents(`${path}/${from}`, { path, tree, node });
}

/** Owners, modes, times, hard links, holes and extended attributes are kept; blocks are shared where they can be. */
export async function copyTree(source: string, target: string): Promise<void> {
  await run(['cp', '--archive', '--reflink=auto', '--no-target-directory', source, target]);
}
