/** Gives a container that runs, or is about to, its shares of the host, and tells what the host cannot give. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ContainerConfig } from '../config/container-config.js';
import { findByKey } from '../config/parameters.js';
import { CellaError, isErrno } from '../errors.js';
import { cpusOfNodes, onlineCpus, onlineNodes } from '../host/cpus.js';
import { diskOf } from '../host/disk-of.js';
import { hugepageSizes } from '../host/hugepages.js';
import type { CgroupPlan } from '../plan/cgroup.js';
import { planShares, type Share, type ShareFacts, type ShareKey } from '../plan/shares.js';
import type { Context } from './context.js';

export interface ShareOptions {
  /** What is written; default: all that is not as the kernel has it in new groups. */
  readonly keys?: ReadonlySet<ShareKey>;
  /** Of configuration: what fails where the host cannot give it. */
  readonly must?: ReadonlySet<string>;
}

export function applyShares(
  context: Context,
  config: ContainerConfig,
  cgroup: CgroupPlan,
  { keys, must }: ShareOptions = {},
): void {
  const isWanted = ({ key, isDefault }: Share): boolean => keys?.has(key) ?? !isDefault;
  // The host is looked at only for what is out of the ordinary.
  if (!planShares(cgroup, config, NOTHING).some(isWanted)) return;
  const missing = planShares(cgroup, config, factsFor(config))
    .filter(isWanted)
    .filter((share) => !writeShare(share) && !share.isDefault);
  if (missing.length === 0) return;
  const refused = missing.find(({ key }) => must?.has(key));
  if (refused) throw notHonoured(refused);
  const options = missing.map(({ key }) => optionOf(key));
  const message = `no effect on this host: ${[...new Set(options)].join(' ')}`;
  context.report({ type: 'warning', ctid: config.ctid, message });
}

const NOTHING: ShareFacts = {
  disk: undefined,
  cpus: '',
  nodes: '',
  cpusOfNodes: '',
  hugepageSizes: [2n << 20n],
  ctid: 0,
};

function factsFor({ ctid, privateArea, cpu }: ContainerConfig): ShareFacts {
  const nodes = onlineNodes();
  return {
    disk: diskOf(privateArea),
    cpus: onlineCpus(),
    nodes,
    cpusOfNodes: cpusOfNodes(cpu.nodes === 'all' ? nodes : cpu.nodes),
    hugepageSizes: hugepageSizes(),
    ctid,
  };
}

/** What is known only once there is the group: the schedulers of disks decide whether there are weights. */
function notHonoured({ key, files, failure }: Share): CellaError {
  const names = files.map(({ path }) => basename(path)).join(' or ');
  return new CellaError(
    failure,
    `no effect on this host: ${optionOf(key)} (its control groups have no ${names})`,
  );
}

/** False: no file for it. */
function writeShare({ key, files, failure }: Share): boolean {
  return files.some(({ path, value }) => {
    try {
      writeFileSync(path, value, { flag: 'r+' });
      return true;
    } catch (cause) {
      if (isErrno(cause, 'ENOENT', 'EOPNOTSUPP')) return false;
      const why = isErrno(cause, 'EBUSY')
        ? 'more than that is in use'
        : `this host does not take ${JSON.stringify(value)}`;
      throw new CellaError(failure, `${optionOf(key)}: ${why}`, { cause, ...HINTS[key] });
    }
  });
}

const HINTS: Partial<Record<ShareKey, { readonly hint: string }>> = {
  CPUMASK: { hint: 'Name CPUs that the host has: see "lscpu".' },
  NODEMASK: { hint: 'Name NUMA nodes that the host has: see "lscpu".' },
};

function optionOf(key: ShareKey): string {
  return findByKey(key)?.option ?? key;
}
