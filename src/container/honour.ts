/** Refuses what this host cannot honour: an option that is given, and a start without limits that were to hold. */
import type { ContainerConfig } from '../config/container-config.js';
import { findByKey } from '../config/parameters.js';
import { CellaError } from '../errors.js';
import { diskOf } from '../host/disk-of.js';
import { existing } from '../host/existing.js';
import { hugepageSizes } from '../host/hugepages.js';
import { whyNoKsm } from '../host/ksm.js';
import { type CgroupPlan, planCgroup } from '../plan/cgroup.js';
import { type Lack, lacksOf } from '../plan/lacks.js';
import { SHARE_KEYS } from '../plan/shares.js';
import type { Context } from './context.js';

/** Options that were given, by their keys: what none of them says is of no interest here. */
export function expectHonoured(context: Context, config: ContainerConfig, given: Iterable<string>): void {
  const keys = new Set(given);
  const [first, ...others] = lacksFor(context, config).filter(({ key }) => keys.has(key));
  if (!first) return;
  throw new CellaError(first.failure, `no effect on this host: ${alike(first, others)} (${first.reason})`);
}

/** Shares, and what they are made of: it is said where they cannot be written. */
const TOLD: readonly string[] = [...SHARE_KEYS, 'MEMGUARANTEE', 'CPUS'];

/** `hint`: what to do about it. `force`: starts it all the same, with a warning. */
export function expectLimits(
  context: Context,
  config: ContainerConfig,
  cgroup: CgroupPlan,
  { force = false, hint }: { readonly force?: boolean | undefined; readonly hint: string },
): void {
  const lacks = lacksFor(context, config, cgroup);
  const [first, ...others] = lacks.filter(({ isLimit }) => isLimit);
  if (first && !force)
    throw new CellaError(
      'UNSUPPORTED_KERNEL',
      `container ${config.ctid} would run without its limits ${alike(first, others)} (${first.reason})`,
      { hint },
    );
  const untold = lacks.filter(({ key }) => !TOLD.includes(key));
  if (untold.length === 0) return;
  const message = `no effect on this host: ${untold.map(optionOf).join(' ')}`;
  context.report({ type: 'warning', ctid: config.ctid, message });
}

function lacksFor(context: Context, config: ContainerConfig, cgroup?: CgroupPlan): readonly Lack[] {
  const { cgroups, cgroupGroup } = context.facts();
  return lacksOf(cgroup ?? planCgroup(cgroups, cgroupGroup, config.ctid, config), config, {
    swapV1: cgroups.swapV1,
    // Looked at only where it matters.
    get hugepageSizes() {
      return hugepageSizes();
    },
    get whyNoKsm() {
      return whyNoKsm();
    },
    get disk() {
      return diskOf(existing(config.privateArea));
    },
  });
}

/** Options that lack the same. */
function alike(first: Lack, others: readonly Lack[]): string {
  return [first, ...others.filter(({ reason }) => reason === first.reason)].map(optionOf).join(' ');
}

function optionOf({ key }: Lack): string {
  return findByKey(key)?.option ?? key;
}
