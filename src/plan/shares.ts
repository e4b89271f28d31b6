/** What a container gets of CPU, disk and memory beside others: values of its control groups, for v1 and v2. */
import type { HugepageLimit } from '../config/hugepages.js';
import { numbersOf } from '../config/numbers.js';
import type { CpuShare, Guarantee, IoShare } from '../config/resources.js';
import { UNLIMITED } from '../config/units.js';
import type { ErrorCode } from '../errors.js';
import type { CgroupPlan, Control } from './cgroup.js';

export interface Share {
  /** Of the configuration. */
  readonly key: ShareKey;
  /** The first of them that is there is written; none: the host cannot do it. */
  readonly files: readonly { readonly path: string; readonly value: string }[];
  /** Whether it is as the kernel has it in a new group. */
  readonly isDefault: boolean;
  readonly failure: ErrorCode;
}

export const SHARE_KEYS = [
  'CPUUNITS',
  'CPULIMIT',
  'CPUMASK',
  'NODEMASK',
  'VMGUARPAGES',
  'OOMGUARPAGES',
  'OOM_GROUP',
  'HUGEPAGES',
  'IOPRIO',
  'IOLIMIT',
  'IOPSLIMIT',
] as const;
export type ShareKey = (typeof SHARE_KEYS)[number];

export interface Shared {
  readonly cpu: CpuShare;
  readonly io: IoShare;
  readonly guarantee: Guarantee;
  readonly oomGroup: boolean;
  readonly hugepages: readonly HugepageLimit[];
}

/** What of the host they depend on. */
export interface ShareFacts {
  /** MAJOR:MINOR of the disk below the private area; undefined: there is none. */
  readonly disk: string | undefined;
  /** In the kernel's form: all there are. */
  readonly cpus: string;
  readonly nodes: string;
  /** CPUs of the nodes that the container may use. */
  readonly cpusOfNodes: string;
  /** Of huge pages that there may be, bytes. */
  readonly hugepageSizes: readonly bigint[];
  /** By which containers that have few CPUs get different ones. */
  readonly ctid: number;
}

/** In the order in which they can be written. */
export function planShares(
  { controls }: Pick<CgroupPlan, 'controls'>,
  shared: Shared,
  facts: ShareFacts,
): readonly Share[] {
  return [
    cpuUnits(controls.cpu, shared.cpu),
    cpuLimit(controls.cpu, shared.cpu),
    ...cpuPlaces(controls.cpuset, shared.cpu, facts),
    ...guarantees(controls.memory, shared.guarantee),
    oomGroup(controls.memory, shared.oomGroup),
    ...hugepages(controls.hugetlb, shared.hugepages, facts.hugepageSizes),
    ioPriority(controls.io, shared.io),
    ...ioLimits(controls.io, shared.io, facts.disk),
  ];
}

/** Weight of a container that nobody gave another one. */
export const DEFAULT_UNITS = 1000;

/** 1000 units are the kernel's default, 1024 shares on v1, a weight of 100 on v2. */
function cpuUnits(at: Control | undefined, { units = DEFAULT_UNITS }: CpuShare): Share {
  const shares = Math.max(2, Math.round((units * 1024) / DEFAULT_UNITS));
  const weight = Math.min(10_000, Math.max(1, Math.round(units / 10)));
  return {
    key: 'CPUUNITS',
    files: file(at, ['cpu.shares', String(shares)], ['cpu.weight', String(weight)]),
    isDefault: units === DEFAULT_UNITS,
    failure: 'CPU_FAILED',
  };
}

/** Microseconds; long enough for the least limit, 1 %, to be one that the kernel takes, of 1 ms. */
const CPU_PERIOD = 100_000;

function cpuLimit(at: Control | undefined, { limit }: CpuShare): Share {
  const quota = limit === undefined ? undefined : (limit * CPU_PERIOD) / 100;
  return {
    key: 'CPULIMIT',
    files: file(
      at,
      ['cpu.cfs_quota_us', String(quota ?? -1)],
      ['cpu.max', `${quota ?? 'max'} ${CPU_PERIOD}`],
    ),
    isDefault: limit === undefined,
    failure: 'CPU_FAILED',
  };
}

/** A group with processes in it cannot go back to the empty list (ENOSPC): all are named instead. */
function cpuPlaces(at: Control | undefined, cpu: CpuShare, facts: ShareFacts): readonly Share[] {
  const { mask, nodes, count } = cpu;
  const most = mask === 'auto' ? facts.cpusOfNodes : facts.cpus;
  // Programs count the CPUs that they may run on (sched_getaffinity(2)): a limit of time would leave them all.
  const some = count === undefined ? most : someOf(most, count, facts.ctid);
  const cpus = mask === 'auto' || mask === 'all' ? some : mask;
  return [
    {
      key: 'CPUMASK',
      files: both(at, 'cpuset.cpus', cpus),
      isDefault: mask === 'all' && count === undefined,
      failure: 'CPU_FAILED',
    },
    {
      key: 'NODEMASK',
      files: both(at, 'cpuset.mems', nodes === 'all' ? facts.nodes : nodes),
      isDefault: nodes === 'all',
      failure: 'CPU_FAILED',
    },
  ];
}

/** So many of a list in the kernel's form, side by side, others for the next container; all where there are no more. */
function someOf(list: string, count: number, ctid: number): string {
  const all = numbersOf(list);
  if (count >= all.length) return list;
  const first = (ctid * count) % all.length;
  const chosen = Array.from({ length: count }, (_, i) => all[(first + i) % all.length] ?? 0);
  return chosen.sort((a, b) => a - b).join(',');
}

/** v1 knows a soft limit, above which memory is taken first, and nothing that it would not take. */
function guarantees(at: Control | undefined, { low, min }: Guarantee): readonly Share[] {
  return [
    {
      key: 'VMGUARPAGES',
      files: file(at, ['memory.soft_limit_in_bytes', String(low ?? -1)], ['memory.low', String(low ?? 0)]),
      isDefault: low === undefined,
      failure: 'LIMIT_FAILED',
    },
    {
      key: 'OOMGUARPAGES',
      files: at?.version === 2 ? both(at, 'memory.min', String(min ?? 0)) : [],
      isDefault: min === undefined,
      failure: 'LIMIT_FAILED',
    },
  ];
}

/** Linux 4.19, of v2 alone. The guest may change it, as all that concerns nobody but itself. */
function oomGroup(at: Control | undefined, isWanted: boolean): Share {
  return {
    key: 'OOM_GROUP',
    files: at?.version === 2 ? both(at, 'memory.oom.group', isWanted ? '1' : '0') : [],
    isDefault: !isWanted,
    failure: 'LIMIT_FAILED',
  };
}

/**
 * What is used, and what is set aside by mmap(2): without a limit of that, whoever passes the other one gets no ENOMEM
 * from mmap but SIGBUS from his first access (cgroup-v1/hugetlb.rst; Linux 5.7).
 */
function hugepages(
  at: Control | undefined,
  limits: readonly HugepageLimit[],
  sizes: readonly bigint[],
): readonly Share[] {
  const none = sizes.map((size) => [size, UNLIMITED] as const);
  const all = new Map([...none, ...limits.map(({ size, limit }) => [size, limit] as const)]);
  return [...all].flatMap(([size, limit]) =>
    ['', '.rsvd'].map((kind): Share => {
      const name = `hugetlb.${nameOfSize(size)}${kind}`;
      const isDefault = limit === UNLIMITED;
      return {
        key: 'HUGEPAGES',
        files: file(
          at,
          [`${name}.limit_in_bytes`, isDefault ? '-1' : String(limit)],
          [`${name}.max`, isDefault ? 'max' : String(limit)],
        ),
        isDefault,
        failure: 'LIMIT_FAILED',
      };
    }),
  );
}

/** As the kernel writes it (mm/hugetlb_cgroup.c, mem_fmt). */
function nameOfSize(size: bigint): string {
  if (size >= 1n << 30n) return `${size >> 30n}GB`;
  return size >= 1n << 20n ? `${size >> 20n}MB` : `${size >> 10n}KB`;
}

const DEFAULT_PRIORITY = 4;

/** Twice the weight for each step; 4 is the kernel's default, 100. Of BFQ, or where there is none of the cost model. */
function ioPriority(at: Control | undefined, { priority = DEFAULT_PRIORITY }: IoShare): Share {
  const weight = String(Math.round(100 * 2 ** (priority - DEFAULT_PRIORITY)));
  const v1 = ['blkio.bfq.weight', 'blkio.weight'];
  return {
    key: 'IOPRIO',
    files: (at?.version === 1 ? v1 : ['io.bfq.weight', 'io.weight']).flatMap((name) =>
      both(at, name, weight),
    ),
    isDefault: priority === DEFAULT_PRIORITY,
    failure: 'IO_FAILED',
  };
}

/** Reads and writes have limits of their own, of the same height. */
function ioLimits(at: Control | undefined, io: IoShare, disk: string | undefined): readonly Share[] {
  const of = (
    key: 'IOLIMIT' | 'IOPSLIMIT',
    limit: bigint | number | undefined,
    unit: 'bps' | 'iops',
  ): readonly Share[] => {
    const v1 = ['read', 'write'].map((way) =>
      both(at, `blkio.throttle.${way}_${unit}_device`, `${disk} ${limit ?? 0}`),
    );
    const max = String(limit ?? 'max');
    const v2 = both(at, 'io.max', `${disk} r${unit}=${max} w${unit}=${max}`);
    const files = disk === undefined ? [[]] : at?.version === 1 ? v1 : [v2];
    return files.map((each) => ({ key, files: each, isDefault: limit === undefined, failure: 'IO_FAILED' }));
  };
  return [...of('IOLIMIT', io.bytesPerSecond, 'bps'), ...of('IOPSLIMIT', io.operationsPerSecond, 'iops')];
}

type Content = readonly [name: string, value: string];

function file(at: Control | undefined, v1: Content, v2: Content): Share['files'] {
  return both(at, ...(at?.version === 1 ? v1 : v2));
}

function both(at: Control | undefined, name: string, value: string): Share['files'] {
  return at === undefined ? [] : [{ path: `${at.path}/${name}`, value }];
}
