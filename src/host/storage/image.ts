/** A private area in a sparse disk image with an ext4 of its own, made when it is first mounted. */
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { DiskLimits } from '../../config/container-config.js';
import { CellaError, isFull } from '../../errors.js';
import {
  blocksFor,
  firstBlocks,
  type Geometry,
  IMAGE_BLOCK,
  IMAGE_NAME,
  mkfsArguments,
} from '../../plan/image.js';
import { run } from '../run.js';
import { copyNode, copyTree, makeDirectories } from './directory.js';
import type { Area, StoreDriver } from './index.js';
import { readGeometry, resizeImage, TOOLS } from './resize.js';

export const image: StoreDriver = {
  lack: () => undefined,
  create: async (area) => {
    spaceOf(area.limits);
    mkdirSync(area.path, { mode: 0o700 });
  },
  fill: async (area, source) => {
    const at = mkdtempSync(`${area.path}/.contents-`);
    try {
      await copyTree(source, `${at}/root`);
      await format(area, at);
    } finally {
      await rm(at, { recursive: true, force: true });
    }
  },
  copy: async (source, area) => {
    mkdirSync(area.path, { mode: 0o700 });
    const from = `${source.path}/${IMAGE_NAME}`;
    // The whole file system, handles of files included: overlayfs's index stays true.
    if (existsSync(from)) await copyImage(from, `${area.path}/${IMAGE_NAME}`);
    return source.chain;
  },
  copyNode,
  prepare: async (area) => {
    if (!existsSync(`${area.path}/${IMAGE_NAME}`)) await formatEmpty(area);
  },
  limit: async (area) => {
    const path = `${area.path}/${IMAGE_NAME}`;
    const space = spaceOf(area.limits);
    if (existsSync(path)) await resizeImage(path, space);
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

/** Blocks are shared where they can be; holes stay holes. */
async function copyImage(from: string, to: string): Promise<void> {
  await run(['cp', '--reflink=auto', '--sparse=always', '--preserve=mode', from, to]);
}

function spaceOf({ space }: DiskLimits): bigint {
  if (space) return space.hard;
  throw new CellaError('NO_DISKSPACE', 'a disk image needs a size', { hint: 'Give --diskspace.' });
}

async function formatEmpty(area: Area): Promise<void> {
  const contents = mkdtempSync(`${area.path}/.contents-`);
  try {
    makeDirectories({ path: contents, tree: area.tree });
    await format(area, contents);
  } finally {
    await rm(contents, { recursive: true, force: true });
  }
}

/** What ext4 keeps for itself shows only when it is made: then it is made again, to the size that offers the space. */
const TRIES = 3;
/** Sizes that came out of limits before, for the next container with the same ones: then the first try is right. */
const sizes = new Map<string, bigint>();

/** Complete under its name, or not there. */
async function format(area: Area, contents: string): Promise<void> {
  const path = `${area.path}/${IMAGE_NAME}`;
  const staging = `${path}.new`;
  const space = spaceOf(area.limits);
  const limits = [space, area.limits.inodes?.hard].join();
  let blocks = sizes.get(limits) ?? firstBlocks(area.limits) ?? 0n;
  try {
    for (let i = 0; i < TRIES; i += 1) {
      const geometry = await makeFileSystem(staging, blocks, mkfsArguments(area.limits, contents, staging));
      const next = blocksFor(space, geometry);
      if (next === blocks) break;
      blocks = next;
    }
    sizes.set(limits, blocks);
    const file = await open(staging, 'r+');
    await file.sync();
    await file.close();
  } catch (cause) {
    await rm(staging, { force: true });
    const full = isFull(cause);
    const why = full ? 'no space is left' : cause instanceof Error ? cause.message : String(cause);
    throw new CellaError(full ? 'NO_SPACE' : 'IMAGE_FAILED', `cannot make disk image '${path}': ${why}`, {
      cause,
    });
  }
  await rename(staging, path);
}

async function makeFileSystem(path: string, blocks: bigint, args: readonly string[]): Promise<Geometry> {
  await rm(path, { force: true });
  const file = await open(path, 'wx', 0o600);
  await file.truncate(Number(blocks * IMAGE_BLOCK));
  await file.close();
  await run(['mkfs.ext4', ...args], { env: TOOLS });
  return readGeometry(path);
}
