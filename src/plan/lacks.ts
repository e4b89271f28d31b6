/** Parameters that a host cannot honour, and why: nobody is to believe in a limit that does not hold. */
import type { ContainerConfig } from '../config/container-config.js';
import type { ErrorCode } from '../errors.js';
import type { CgroupPlan, Control, Controller } from './cgroup.js';

export interface Lack {
  /** Of the configuration. */
  readonly key: string;
  /** As a clause. */
  readonly reason: string;
  /** Whether something would be without a limit that it is to have. */
  readonly isLimit: boolean;
  readonly failure: ErrorCode;
}

/** What of the host it depends on, beside its control groups. */
export interface LackFacts {
  readonly swapV1: boolean;
  readonly hugepageSizes: readonly bigint[];
  /** Below the private area. */
  readonly disk: string | undefined;
  /** Why equal pages are not merged; undefined: they are. */
  readonly whyNoKsm: string | undefined;
}

type Asking = Pick<
  ContainerConfig,
  'ram' | 'swap' | 'numproc' | 'guarantee' | 'ksm' | 'oomGroup' | 'hugepages' | 'cpu' | 'io'
>;

interface Need {
  readonly controller?: Controller;
  readonly isLimit?: true;
  readonly failure: ErrorCode;
  /** Whether the configuration wants anything that a new control group does not have. */
  readonly isAsked: (config: Asking) => boolean;
  /** What else there has to be; undefined: it is there. */
  readonly lacks?: (at: Control | undefined, facts: LackFacts) => string | undefined;
}

const MEMORY = { controller: 'memory', failure: 'LIMIT_FAILED' } as const;
const CPU = { controller: 'cpu', failure: 'CPU_FAILED' } as const;
const CPUSET = { controller: 'cpuset', failure: 'CPU_FAILED' } as const;
const IO = { controller: 'io', failure: 'IO_FAILED' } as const;

const onlyV2 = (at: Control | undefined): string | undefined =>
  at?.version === 2 ? undefined : 'control groups of version 1 have nothing of the kind';
const needsDisk = (_: Control | undefined, { disk }: LackFacts): string | undefined =>
  disk === undefined ? 'the private area is on no disk of this host' : undefined;

const NEEDS: Readonly<Record<string, Need>> = {
  PHYSPAGES: { ...MEMORY, isLimit: true, isAsked: ({ ram }) => ram !== undefined },
  // No reason to refuse a start: Debian's kernels did not count swap on version 1 for years, and every sample asks for it.
  SWAPPAGES: {
    ...MEMORY,
    isAsked: ({ swap }) => swap !== undefined,
    lacks: (at, { swapV1 }) =>
      at?.version === 2 || swapV1 ? undefined : 'the kernel does not count swap: boot it with swapaccount=1',
  },
  VMGUARPAGES: { ...MEMORY, isAsked: ({ guarantee }) => guarantee.low !== undefined },
  MEMGUARANTEE: { ...MEMORY, isAsked: ({ guarantee }) => guarantee.low !== undefined },
  OOMGUARPAGES: { ...MEMORY, isAsked: ({ guarantee }) => (guarantee.min ?? 0n) > 0n, lacks: onlyV2 },
  OOM_GROUP: { ...MEMORY, isAsked: ({ oomGroup }) => oomGroup, lacks: onlyV2 },
  KSM: { failure: 'LIMIT_FAILED', isAsked: ({ ksm }) => ksm, lacks: (_, { whyNoKsm }) => whyNoKsm },
  NUMPROC: {
    controller: 'pids',
    isLimit: true,
    failure: 'LIMIT_FAILED',
    isAsked: ({ numproc }) => numproc !== undefined,
  },
  CPUUNITS: { ...CPU, isAsked: ({ cpu }) => cpu.units !== undefined },
  CPULIMIT: {
    ...CPU,
    isLimit: true,
    isAsked: ({ cpu: { limit, count = 0 } }) => limit !== undefined && limit !== count * 100,
  },
  CPUS: { ...CPU, isLimit: true, isAsked: ({ cpu }) => cpu.count !== undefined },
  CPUMASK: { ...CPUSET, isAsked: ({ cpu }) => cpu.mask !== 'all' },
  NODEMASK: { ...CPUSET, isAsked: ({ cpu }) => cpu.nodes !== 'all' },
  IOPRIO: { ...IO, isAsked: ({ io }) => io.priority !== undefined },
  IOLIMIT: { ...IO, isLimit: true, isAsked: ({ io }) => io.bytesPerSecond !== undefined, lacks: needsDisk },
  IOPSLIMIT: {
    ...IO,
    isLimit: true,
    isAsked: ({ io }) => io.operationsPerSecond !== undefined,
    lacks: needsDisk,
  },
  HUGEPAGES: {
    controller: 'hugetlb',
    isLimit: true,
    failure: 'LIMIT_FAILED',
    isAsked: ({ hugepages }) => hugepages.length > 0,
  },
};

/** In the order of the table. */
export function lacksOf(
  { controls }: Pick<CgroupPlan, 'controls'>,
  config: Asking,
  facts: LackFacts,
): readonly Lack[] {
  const lacks = Object.entries(NEEDS).flatMap(([key, need]) => {
    if (!need.isAsked(config)) return [];
    const { controller } = need;
    const at = controller && controls[controller];
    const reason =
      controller && !at
        ? `this host has no control groups with the controller ${controller}`
        : need.lacks?.(at, facts);
    if (reason === undefined) return [];
    return [{ key, reason, isLimit: need.isLimit ?? false, failure: need.failure }];
  });
  return [...lacks, ...missingSizes(controls, config, facts)];
}

/** Of pages that there cannot be none can be used: no limit is passed, but one that was named is probably a mistake. */
function missingSizes(
  { hugetlb }: CgroupPlan['controls'],
  { hugepages }: Asking,
  { hugepageSizes }: LackFacts,
): readonly Lack[] {
  const missing = hugepages.find(({ size }) => !hugepageSizes.includes(size));
  if (!hugetlb || !missing) return [];
  const reason = `this host has no huge pages of ${missing.size >> 10n} KiB`;
  return [{ key: 'HUGEPAGES', reason, isLimit: false, failure: 'LIMIT_FAILED' }];
}
