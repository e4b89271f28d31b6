/** A container's private area as the host's storage sees it. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerConfig } from '../config/container-config.js';
import { mountRoot } from '../host/launcher.js';
import { isMounted, readMounts, umountAll } from '../host/mounts.js';
import { type Area, openStore, type StoreDriver } from '../host/storage/index.js';
import { deviceOf } from '../host/storage/resize.js';
import { IMAGE_NAME } from '../plan/image.js';
import { type Layers, planArea } from '../plan/plan-root.js';
import { readSnapshots } from '../state/snapshots.js';
import { type Context, layersOf } from './context.js';

export function areaOf(context: Context, config: ContainerConfig): Area {
  return {
    path: config.privateArea,
    tree: config.layout.tree,
    limits: config.disk,
    project: projectOf(context.paths.rootDir, config.ctid),
    node: readSnapshots(config.privateArea).current.chain.node,
  };
}

export function storeOf(config: ContainerConfig): StoreDriver {
  return openStore(config.layout.store);
}

/** What its root is put together from; `chain`: as it is now, if not given. */
export function contentsOf(
  context: Context,
  config: ContainerConfig,
  chain = readSnapshots(config.privateArea).current.chain,
): Layers {
  return {
    ...chain,
    template: config.layout.tree === 'plain' ? [] : layersOf(context, config),
    device: imageDevice(config),
  };
}

function imageDevice({ layout, privateArea }: ContainerConfig): string | undefined {
  return layout.store === 'image' ? deviceOf(`${privateArea}/${IMAGE_NAME}`) : undefined;
}

/** Lets `work` change the area itself, where it can be reached: an image is mounted for that, in use or not. */
export async function withArea<T>(
  context: Context,
  config: ContainerConfig,
  work: (at: string) => Promise<T>,
): Promise<T> {
  if (config.layout.store !== 'image') return work(config.privateArea);
  await untilFree(context, config);
  await storeOf(config).prepare(areaOf(context, config));
  const target = context.paths.area(config.ctid);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  try {
    await mountRoot(planArea(config, imageDevice(config), target));
    return await work(target);
  } finally {
    await releaseArea(context, config.ctid);
  }
}

/** A device lets go of its image a moment after its file system was unmounted; it is not to be taken meanwhile. */
export async function untilFree(context: Context, config: ContainerConfig): Promise<void> {
  if (config.layout.store !== 'image' || isMounted(config.root)) return;
  for (let i = 0; i < 200; i += 1) {
    const device = imageDevice(config);
    if (device === undefined || readMounts().some(({ source }) => source === device)) return;
    if (isViewed(context, config.ctid)) return;
    await sleep(10);
  }
}

/** Whether a snapshot of it may be mounted, which has the device for itself. */
function isViewed({ paths }: Context, ctid: number): boolean {
  return readdirSync(paths.runDir).some((name) => name.startsWith(`${ctid}.`) && name.endsWith('.view'));
}

/** Where an image was mounted, by this process or a killed one. */
export async function releaseArea(context: Context, ctid: number): Promise<void> {
  await release(context.paths.area(ctid));
}

/** The same of where a tree was to be read. */
export async function releaseContents(context: Context, ctid: number): Promise<void> {
  await release(`${context.paths.contents(ctid)}/root`);
  await release(context.paths.contents(ctid));
}

async function release(target: string): Promise<void> {
  if (!existsSync(target)) return;
  await umountAll(target);
  rmdirSync(target);
}

/** The container's own number; for another root directory one that hardly clashes with those. */
function projectOf(rootDir: string, ctid: number): number {
  if (rootDir === '') return ctid;
  const digest = createHash('sha256').update(`${rootDir}\0${ctid}`).digest();
  return 0x80000000 + (digest.readUInt32LE(0) & 0x7fffffff);
}

/** The directory that private areas are in. */
export function prepareParent({ privateArea }: ContainerConfig): string {
  const parent = dirname(privateArea);
  // 0755 is for `upper`, which the container sees as "/"; this keeps host users out.
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  return parent;
}

export function stagingArea(privateArea: string): string {
  return aside(privateArea, 'new');
}

export function condemnedArea(privateArea: string): string {
  return aside(privateArea, 'destroying');
}

export function keptArea(privateArea: string): string {
  return aside(privateArea, 'kept');
}

function aside(privateArea: string, what: string): string {
  return `${dirname(privateArea)}/.${basename(privateArea)}.${what}`;
}
