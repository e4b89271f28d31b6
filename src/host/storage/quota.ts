/** A private area in a directory with a project quota (ext4, xfs), which `df` in it shows as its size. */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DiskLimits } from '../../config/container-config.js';
import { CellaError } from '../../errors.js';
import { native, type ProjectLimits } from '../../native/binding.js';
import { copyChain, copyNode, copyTree, makeDirectories } from './directory.js';
import type { Area, StoreDriver } from './index.js';

const NONE: ProjectLimits = { softBytes: 0n, hardBytes: 0n, softInodes: 0n, hardInodes: 0n };

export const quota: StoreDriver = {
  lack: (parent) =>
    native().hasProjectQuota(parent)
      ? undefined
      : 'its file system enforces no project quotas (mount option prjquota)',
  create: async (area) => createArea(area),
  fill: (area, source) => copyTree(source, `${area.path}/root`),
  copy: async (source, area) => {
    createArea({ ...area, node: source.chain.node });
    await copyChain(source, area);
    return source.chain;
  },
  copyNode,
  prepare: async () => undefined,
  limit: async ({ path, project, limits }) => setLimits(path, project, limits),
  remove: async (path) => {
    const project = native().projectOf(path);
    await rm(path, { recursive: true, force: true });
    if (project !== 0) native().setProjectLimits(dirname(path), project, NONE);
  },
};

function createArea(area: Area): void {
  mkdirSync(area.path, { mode: 0o700 });
  // Before there is anything in it: what is made in it belongs to the project.
  native().setProject(area.path, area.project);
  setLimits(area.path, area.project, area.limits);
  makeDirectories(area);
}

function setLimits(path: string, project: number, { space, inodes }: DiskLimits): void {
  const limits: ProjectLimits = {
    softBytes: space?.soft ?? 0n,
    hardBytes: space?.hard ?? 0n,
    softInodes: inodes?.soft ?? 0n,
    hardInodes: inodes?.hard ?? 0n,
  };
  try {
    native().setProjectLimits(path, project, limits);
  } catch (cause) {
    throw new CellaError('QUOTA_FAILED', `cannot limit project ${project} of '${path}'`, { cause });
  }
}
