/**
 * On hosts that systemd runs, control groups are its own unless it delegates them: a service without a process, made
 * when it is first needed, holds those of every container (systemd.resource-control(5), Delegate=;
 * https://systemd.io/CGROUP_DELEGATION).
 */
import { existsSync } from 'node:fs';
import { CellaError } from '../../errors.js';
import type { CgroupPlan, Delegation } from '../../plan/cgroup.js';
import { run } from '../run.js';

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

/** Has systemd delegate the groups; done with one look when it has already. */
export async function delegate({
  unit,
  slice,
  path,
  mount,
}: NonNullable<CgroupPlan['delegation']>): Promise<void> {
  if (existsSync(`${mount}/${path}`)) return;
  const properties = ['Type=oneshot', 'RemainAfterExit=yes', 'Delegate=yes', 'TimeoutStopSec=20'];
  try {
    await run([
      'systemd-run',
      '--quiet',
      `--unit=${unit}`,
      `--slice=${slice}`,
      '--description=Control groups of Cella containers',
      ...properties.map((property) => `--property=${property}`),
      'true',
    ]);
  } catch (cause) {
    // Somebody else's start made it at the same moment: this one only has to wait for it.
    if (await isStarted(unit)) return;
    throw new CellaError('SYSTEM', 'systemd did not delegate a control group', {
      cause,
      hint: `See "systemctl status ${unit}".`,
    });
  }
}

async function isStarted(unit: string): Promise<boolean> {
  try {
    await run(['systemctl', 'start', unit]);
    return true;
  } catch {
    return false;
  }
}
