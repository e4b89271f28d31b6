/** The keeper of a host that has, or has had, a node service: with it starts are that one's children. */
import { existsSync, writeFileSync } from 'node:fs';
import { delegate } from '../host/cgroup/systemd.js';
import { Keeper } from '../host/keeper.js';
import { planCgroup } from '../plan/cgroup.js';
import { takeLock } from '../state/lock.js';
import { type Context, lockDirectory } from './context.js';

/** Nothing to limit. */
const UNLIMITED = { ram: undefined, swap: undefined, numproc: undefined };

/**
 * For a start. Where there never was a node service nobody would ask how an init has ended; with `always` there is one all
 * the same, as for a container whose console has to be kept.
 */
export async function openKeeper(context: Context, { always = false } = {}): Promise<Keeper | undefined> {
  const { keeper, serviceState } = context.paths;
  const running = Keeper.connect(keeper);
  if (running || !(always || existsSync(serviceState))) return running;
  await ensureKeeper(context);
  return Keeper.connect(keeper);
}

/** Has one run, in a control group where systemd does not take it for a process of some other unit. */
export async function ensureKeeper(context: Context): Promise<void> {
  const path = context.paths.keeper;
  const isThere = (): boolean => {
    using running = Keeper.connect(path);
    return running !== undefined;
  };
  if (isThere()) return;
  using _lock = await takeLock({ directory: lockDirectory(context), name: 'keeper', verb: 'start' });
  if (isThere()) return;
  const pid = await Keeper.start(path);
  const { cgroups, cgroupGroup } = context.facts();
  const { delegation } = planCgroup(cgroups, cgroupGroup, 0, UNLIMITED);
  if (!delegation) return;
  await delegate(delegation);
  writeFileSync(`${delegation.mount}/${delegation.path}/keeper/cgroup.procs`, String(pid));
}
