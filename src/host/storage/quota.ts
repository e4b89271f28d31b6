/** A private area in a directory with a project quota (ext4, xfs), which `df` in it shows as its size. */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DiskLimits } from '../../config/container-config.js';
import { CellaError, isErrno } from '../../errors.js';
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
  limit: async ({ path, limits }) => setLimits(path, native().projectOf(path), limits),
  remove: async (path) => {
    const project = native().projectOf(path);
    await rm(path, { recursive: true, force: true });
    if (project !== 0) native().setProjectLimits(dirname(path), project, NONE);
  },
};

function createArea(area: Area): void {
  mkdirSync(area.path, { mode: 0o700 });
  const project = freeProject(area);
  // Before there is anything in it: what is made in it belongs to the project.
  native().setProject(area.path, project);
  setLimits(area.path, project, area.limits);
  makeDirectories(area);
}

/** Coprime to 2^32: comes by every number. */
const STRIDE = 0x9e3779b1;

/** An area that was given another name, or is about to be replaced, has its project still. */
function freeProject({ path, project: first }: Area): number {
  let project = first;
  while (project === 0 || hasFiles(path, project)) project = (project + STRIDE) >>> 0;
  return project;
}

function hasFiles(path: string, project: number): boolean {
  try {
    return native().projectUsage(path, project).inodes > 0n;
  } catch (error) {
    // xfs knows only projects that were once used (quotactl(2)).
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
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
