/** What of a change of parameters a running container feels at once. */
import { writeFileSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { findByKey } from '../config/parameters.js';
import { CellaError, isErrno } from '../errors.js';
import { type CgroupPlan, planCgroup } from '../plan/cgroup.js';
import { SHARE_KEYS, type ShareKey } from '../plan/shares.js';
import type { Context } from './context.js';
import { exec } from './exec.js';
import { applyShares } from './shares.js';

/** What else is written where one of them changes. */
const DERIVED: Readonly<Record<string, readonly ShareKey[]>> = {
  CPUS: ['CPULIMIT', 'CPUMASK'],
  MEMGUARANTEE: ['VMGUARPAGES'],
};

/** Limits of memory and processes, which every container has. */
const BASE = ['PHYSPAGES', 'SWAPPAGES', 'NUMPROC'];

/** Keys that a running container has to be started anew for. */
export function waitingKeys(keys: Iterable<string>): readonly string[] {
  return [...keys].filter((key) => {
    const parameter = findByKey(key);
    return parameter?.effect === 'yes' && parameter.saved && !parameter.live;
  });
}

/** Gives a running container what changed; `given`: what the host must honour. */
export async function applyLive(
  context: Context,
  config: ContainerConfig,
  keys: ReadonlySet<string>,
  given: ReadonlySet<string>,
): Promise<void> {
  applyLimits(context, config, keys, given);
  if (keys.has('HOSTNAME') && config.hostname !== undefined) await rename(context, config, config.hostname);
}

/** Writes the limits of the given keys, or all of them; throws where the host cannot have what it must. */
export function applyLimits(
  context: Context,
  config: ContainerConfig,
  keys?: ReadonlySet<string>,
  must: ReadonlySet<string> = new Set(),
): void {
  const { cgroups, cgroupGroup } = context.facts();
  const plan = planCgroup(cgroups, cgroupGroup, config.ctid, config);
  if (!keys || BASE.some((key) => keys.has(key))) writeBase(plan);
  const shares = keys ? SHARE_KEYS.filter((key) => keys.has(key)) : SHARE_KEYS;
  const derived = Object.entries(DERIVED).flatMap(([key, more]) => (keys?.has(key) ? more : []));
  const wanted = new Set<ShareKey>([...shares, ...derived]);
  if (wanted.size > 0) applyShares(context, config, plan, { keys: wanted, must });
}

/**
 * v1 wants memory never above memory and swap: which of the two goes first depends on what they were. So what is
 * refused is tried once more behind the others.
 */
function writeBase({ limits }: CgroupPlan): void {
  const refused = limits.filter(({ path, value }) => !tryWrite(path, value));
  for (const { path, value } of refused) writeLimit(path, value);
}

function tryWrite(path: string, value: string): boolean {
  try {
    writeFileSync(path, value);
    return true;
  } catch (error) {
    if (isErrno(error, 'EINVAL')) return false;
    throw noRoom(path, value, error);
  }
}

function writeLimit(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    throw noRoom(path, value, error);
  }
}

function noRoom(path: string, value: string, cause: unknown): CellaError {
  const used = isErrno(cause, 'EBUSY') ? ': more than that is in use' : '';
  return new CellaError('LIMIT_FAILED', `cannot set '${path}' to ${value}${used}`, { cause });
}

async function rename(context: Context, { ctid }: ContainerConfig, hostname: string): Promise<void> {
  const naming = await exec(context, ctid, ['hostname', hostname]);
  naming.stdout.resume();
  naming.stderr.resume();
  const { code } = await naming.wait();
  if (code !== 0)
    throw new CellaError('BAD_HOSTNAME', `container ${ctid} did not take the hostname '${hostname}'`);
}
