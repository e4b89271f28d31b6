/** What the kernel counts of a running container: for the metrics, and for who takes memory from idle ones. */
import type { Ctid } from '../config/ctid.js';
import type { Context } from '../container/context.js';
import { GroupFiles } from '../host/cgroup/group-files.js';
import { type CgroupStats, statsOf } from '../host/cgroup/stats.js';
import { type Waited, waitedFor } from '../host/pressure.js';
import { planCgroup } from '../plan/cgroup.js';
import type { Target } from './reclaimer.js';

export function usedBy(
  context: Context,
  ctid: Ctid,
): { readonly stats: CgroupStats; readonly waited: readonly Waited[] } {
  const { files } = groupsOf(context, ctid);
  return { stats: statsOf(files), waited: waitedFor(files) };
}

export function targetOf(context: Context, ctid: Ctid): Target {
  const { group, files } = groupsOf(context, ctid);
  const { cpuMicroseconds, memory } = statsOf(files);
  return { group, cpuMicroseconds, memory };
}

/** Where its groups are depends on none: a config that somebody has broken since is no matter. */
const NO_LIMITS = { ram: undefined, swap: undefined, numproc: undefined } as const;

function groupsOf(
  context: Context,
  ctid: Ctid,
): { readonly group: string | null; readonly files: GroupFiles } {
  const { cgroups, cgroupGroup } = context.facts();
  const { v2, directories } = planCgroup(cgroups, cgroupGroup, ctid, NO_LIMITS);
  return { group: v2, files: new GroupFiles(directories) };
}
