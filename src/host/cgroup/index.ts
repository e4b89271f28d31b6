/** Control groups of a running container, whichever version the host has: one interface over v1 and v2. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import type { CgroupMounts, CgroupPlan } from '../../plan/cgroup.js';
import type { MountEntry } from '../mounts.js';
import { readText } from './files.js';
import type { CgroupStats } from './stats.js';
import { delegatedControllers, probeDelegation } from './systemd.js';
import { v1 } from './v1.js';
import { v2 } from './v2.js';

export type { CgroupStats } from './stats.js';

export interface Cgroup {
  freeze(): Promise<void>;
  /** What thaws it, when written where. */
  readonly thaws: { readonly file: string; readonly value: string };
  thaw(): Promise<void>;
  isFrozen(): boolean;
  /** Kills every process, frozen ones too; returns when none is left. */
  kill(): Promise<void>;
  pids(): readonly number[];
  stats(): CgroupStats;
  /** Removes the directories; fine when they are gone already. */
  remove(): Promise<void>;
}

/** v2 does the freezing and killing wherever it is mounted, even without a controller (hybrid hosts). */
export function openCgroup(plan: Pick<CgroupPlan, 'v2' | 'directories'>): Cgroup {
  return plan.v2 ? v2(plan.v2, plan.directories) : v1(plan.directories);
}

/** The groups of a container that is there, by its directories; `v2`: which of them is of v2, null: none. */
export function findCgroup(directories: readonly string[]): {
  readonly v2: string | null;
  readonly cgroup: Cgroup;
} {
  const v2 = directories.find((at) => existsSync(`${at}/cgroup.kill`)) ?? null;
  return { v2, cgroup: openCgroup({ v2, directories }) };
}

/**
 * What of control groups is mounted, and where. Of several places the first: CRIU mounts hierarchies of v1 for itself while it
 * restores.
 */
export function probeCgroups(mounts: readonly MountEntry[]): CgroupMounts {
  const unified = mounts.find((mount) => mount.type === 'cgroup2');
  const v1: Readonly<Record<string, string>> = Object.fromEntries(
    mounts
      .filter((mount) => mount.type === 'cgroup')
      .reverse()
      .flatMap((mount) => mount.options.map((option) => [option, mount.target] as const)),
  );
  const delegation = probeDelegation();
  return {
    delegation,
    v2: unified
      ? { mount: unified.target, controllers: delegatedControllers(unified.target, delegation) }
      : null,
    v1,
    ...cpusetOf(v1.cpuset),
    cpuCount: cpus().length,
    swapV1: v1.memory !== undefined && existsSync(`${v1.memory}/memory.memsw.limit_in_bytes`),
  };
}

function cpusetOf(mount: string | undefined): Pick<CgroupMounts, 'cpusetV1'> {
  const [cpus, mems] = [readText(`${mount}/cpuset.cpus`), readText(`${mount}/cpuset.mems`)];
  return mount !== undefined && cpus && mems ? { cpusetV1: { cpus, mems } } : {};
}
