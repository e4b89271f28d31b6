/** A container's private area as the host's storage sees it. */
import { createHash } from 'node:crypto';
import type { ContainerConfig } from '../config/container-config.js';
import { type Area, openStore, type StoreDriver } from '../host/storage/index.js';
import type { Context } from './context.js';

export function areaOf(context: Context, config: ContainerConfig): Area {
  return {
    path: config.privateArea,
    tree: config.layout.tree,
    limits: config.disk,
    project: projectOf(context.paths.rootDir, config.ctid),
  };
}

export function storeOf(config: ContainerConfig): StoreDriver {
  return openStore(config.layout.store);
}

/** The container's own number; for another root directory one that hardly clashes with those. */
function projectOf(rootDir: string, ctid: number): number {
  if (rootDir === '') return ctid;
  const digest = createHash('sha256').update(`${rootDir}\0${ctid}`).digest();
  return 0x80000000 + (digest.readUInt32LE(0) & 0x7fffffff);
}
