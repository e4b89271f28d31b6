/** Nodes of a private area, which hold a root each or a layer of one: making empty ones, and taking away what is left. */
import { mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Tree } from '../../config/layout.js';
import { native } from '../../native/binding.js';
import { areaDirectories, inNode } from '../../plan/image.js';
import { syncDirectory } from '../../state/atomic-file.js';
import { isNode, type Pair } from '../../state/snapshots.js';
import { syncFileSystem } from '../sync.js';
import { removeSubvolume } from './btrfs.js';
import { makeDirectories } from './directory.js';

/** Empty, to be written to. */
export function addNode(area: string, node: string, tree: Tree): void {
  makeDirectories({ path: area, tree, node });
  syncDirectory(`${area}/${node}`);
  syncDirectory(area);
}

/** What was copied outlives a power cut. Whoever stands still need not wait for it; a snapshot of btrfs is written anyway. */
export async function syncNodes(area: string): Promise<void> {
  if (!native().isBtrfs(area)) await syncFileSystem(area);
}

/** Moves what only the lower one has into the upper one; `writable`: that one is written to. */
export async function mergeNodes(
  area: string,
  { top, bottom }: Pair,
  { writable }: { readonly writable: boolean },
): Promise<void> {
  const upper = (node: string): string => `${area}/${inNode(node, 'upper')}`;
  await native().mergeLayers(upper(top), upper(bottom));
  // The index names files of layers by handles: what it knew that upper does not is written there by now.
  if (writable) await rm(`${area}/${inNode(top, 'work')}`, { recursive: true, force: true });
}

/** What overlayfs works in: it can be gone, where a merge was cut short. */
export function ensureWork(area: string, node: string): void {
  mkdirSync(`${area}/${inNode(node, 'work')}`, { recursive: true, mode: 0o700 });
}

/** Takes away those that are not in `used`. */
export async function sweepNodes(area: string, used: ReadonlySet<string>): Promise<void> {
  const remove = native().isBtrfs(area) ? removeSubvolume : removeDirectory;
  for (const name of readdirSync(area)) if (isNode(name) && !used.has(name)) await remove(area, name);
  if (used.has('')) return;
  for (const [name] of [...areaDirectories('overlay'), ...areaDirectories('plain')])
    await removeDirectory(area, name);
}

async function removeDirectory(parent: string, name: string): Promise<void> {
  await rm(`${parent}/${name}`, { recursive: true, force: true });
}
