/** What holds private areas: one interface over directories, project quotas, disk images and btrfs subvolumes. */
import { existsSync } from 'node:fs';
import type { DiskLimits } from '../../config/container-config.js';
import type { Store, Tree } from '../../config/layout.js';
import { CellaError } from '../../errors.js';
import { native } from '../../native/binding.js';
import type { Chain } from '../../plan/image.js';
import { btrfs } from './btrfs.js';
import { directory } from './directory.js';
import { image } from './image.js';
import { quota } from './quota.js';

export interface Area {
  readonly path: string;
  readonly tree: Tree;
  readonly limits: DiskLimits;
  /** By which quotas are to know a new one, if no other has it; differs between containers. */
  readonly project: number;
  /** The node that is written to. */
  readonly node: string;
}

/** An area to be copied, and which of its nodes make the root. */
export interface Source {
  readonly path: string;
  readonly chain: Chain;
}

export interface StoreDriver {
  /** Why it cannot be below the directory; undefined when it can. */
  lack(parent: string): string | undefined;
  /** Makes an empty area; its parent is there. */
  create(area: Area): Promise<void>;
  /** Fills a fresh area of a plain tree with a copy of `source`. */
  fill(area: Area, source: string): Promise<void>;
  /** Makes an area of what is in another of its kind, which nobody may be changing; says of what its root is made. */
  copy(source: Source, area: Area): Promise<Chain>;
  /** Makes a node that holds what another one does, which nobody may be changing; it is on the disk after `syncNodes`. */
  copyNode(area: Area, from: string, node: string, readOnly: boolean): Promise<void>;
  /** What has to be done before it can be mounted. */
  prepare(area: Area): Promise<void>;
  /** Makes `area.limits` hold, at once where it is in use. */
  limit(area: Area): Promise<void>;
  /** Takes it away, in whatever state it is. */
  remove(path: string): Promise<void>;
}

const DRIVERS: Readonly<Record<Store, StoreDriver>> = { directory, quota, image, btrfs };

export function openStore(store: Store | 'auto'): StoreDriver {
  // Containers made before there was a choice lie in directories.
  return DRIVERS[store === 'auto' ? 'directory' : store];
}

/** What holds a new area below `parent` best: something that holds the limits, where there are any. */
export function chooseStore(parent: string, limits: DiskLimits): Store {
  if (native().isBtrfs(parent)) return 'btrfs';
  if (native().hasProjectQuota(parent)) return 'quota';
  return limits.space ? 'image' : 'directory';
}

export function requireStore(store: Store, parent: string): void {
  const reason = DRIVERS[store].lack(parent);
  if (reason !== undefined)
    throw new CellaError(
      'CREATE_FAILED',
      `'${parent}' cannot hold a private area of layout ${store}: ${reason}`,
    );
}

/** Of any store: half-made ones too. */
export async function removeArea(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const parent = path.slice(0, path.lastIndexOf('/'));
  const store = native().isBtrfs(parent) ? btrfs : native().hasProjectQuota(parent) ? quota : directory;
  await store.remove(path);
}
