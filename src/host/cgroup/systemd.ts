/**
 * On hosts that systemd runs, control groups are its own unless it delegates them: a transient service, started with
 * the first container after boot, holds those of every container (systemd.resource-control(5), Delegate=;
 * https://systemd.io/CGROUP_DELEGATION). systemd removes the group of a service when it is empty, whatever the
 * service's state: so one sleeping process stays in a group beside the containers'.
 */
import { existsSync } from 'node:fs';
import { CellaError, firstCoded } from '../../errors.js';
import type { CgroupPlan, Delegation } from '../../plan/cgroup.js';
import { takeLock } from '../../state/lock.js';
import { run } from '../run.js';
import { readText } from './files.js';

/** machine.slice is where systemd.special(7) puts containers. */
const DELEGATION: Delegation = {
  unit: 'cella.service',
  slice: 'machine.slice',
  path: 'machine.slice/cella.service',
};

/** Null on hosts that something else runs (sd_booted(3)). */
export function probeDelegation(): Delegation | null {
  return existsSync('/run/systemd/system') ? DELEGATION : null;
}

type Request = NonNullable<CgroupPlan['delegation']>;

/** Has systemd delegate the groups; done with one look when it has already. */
export async function delegate(request: Request): Promise<void> {
  const isThere = (): boolean => existsSync(`${request.mount}/${request.path}`);
  if (isThere()) return;
  try {
    // For all root directories alike, unlike the locks of containers.
    using _lock = await takeLock({ directory: '/run/cella', name: 'delegation', verb: 'start' });
    if (!isThere()) await startService(request);
  } catch (error) {
    if (firstCoded(error)?.code === 'LOCKED' && isThere()) return;
    throw error;
  }
}

/**
 * Says that it has started (Type=forking) when the sleeper is where it does not keep controllers from being enabled.
 * hugetlb is none of those that systemd knows: it neither hands it down nor takes it away.
 */
const KEEPER = [
  'for at in "$2" "$2/$3"; do echo +hugetlb > "$at/cgroup.subtree_control" || :; done 2>/dev/null',
  'mkdir -p "$1/keeper"; echo $$ > "$1/keeper/cgroup.procs"; sleep infinity &',
].join('; ');

/** Of v2, below the service: what it has, or will have when it is started. */
export function delegatedControllers(mount: string, delegation: Delegation | null): readonly string[] {
  const at = `${mount}/${delegation?.path ?? ''}`;
  const text =
    (delegation && readText(`${at}/cgroup.controllers`)) ?? readText(`${mount}/cgroup.controllers`);
  return text?.split(/\s+/).filter(Boolean) ?? [];
}

async function startService({ unit, slice, path, mount }: Request): Promise<void> {
  // No main process: if the sleeper is killed, the containers are not its leftovers.
  const properties = ['Type=forking', 'GuessMainPID=no', 'Delegate=yes', 'TimeoutStopSec=20'];
  try {
    await run([
      'systemd-run',
      '--quiet',
      '--collect',
      `--unit=${unit}`,
      `--slice=${slice}`,
      '--description=Control groups of Cella containers',
      ...properties.map((property) => `--property=${property}`),
      // systemd.service(5): $$ stands for a $.
      ...['sh', '-euc', KEEPER.replaceAll('$', '$$$$'), 'sh', `${mount}/${path}`, mount, slice],
    ]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CellaError('SYSTEM', `systemd did not delegate a control group: ${reason}`, {
      cause,
      hint: `See "systemctl status ${unit}".`,
    });
  }
}
