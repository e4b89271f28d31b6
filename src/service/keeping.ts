/** Has a keeper run, in a control group where systemd does not take it for a process of the service's own unit. */
import { writeFileSync } from 'node:fs';
import type { Context } from '../container/context.js';
import { delegate } from '../host/cgroup/systemd.js';
import { Keeper } from '../host/keeper.js';
import { planCgroup } from '../plan/cgroup.js';

/** Nothing to limit. */
const UNLIMITED = { ram: undefined, swap: undefined, numproc: undefined };

export async function ensureKeeper(context: Context): Promise<void> {
  using running = Keeper.connect(context.paths.keeper);
  if (running) return;
  const pid = await Keeper.start(context.paths.keeper);
  const { cgroups, cgroupGroup } = context.facts();
  const { delegation } = planCgroup(cgroups, cgroupGroup, 0, UNLIMITED);
  if (!delegation) return;
  await delegate(delegation);
  writeFileSync(`${delegation.mount}/${delegation.path}/keeper/cgroup.procs`, String(pid));
}
