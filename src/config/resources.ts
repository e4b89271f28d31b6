/** What a container gets of the host: memory, CPU, disk rates, and counts of things. */
import { HUGEPAGES, type HugepageLimit } from './hugepages.js';
import * as numbers from './numbers.js';
import type { SettingReader } from './setting-reader.js';
import { type Limit, pagesToBytes, UNLIMITED } from './units.js';
import * as types from './value-type.js';

export interface Resources {
  /** Bytes; undefined means unlimited. */
  readonly ram: bigint | undefined;
  /** Bytes besides ram; undefined means unlimited. */
  readonly swap: bigint | undefined;
  /** Processes and threads; undefined means unlimited. */
  readonly numproc: bigint | undefined;
  /** Of several of one size the last one counts. */
  readonly hugepages: readonly HugepageLimit[];
  readonly guarantee: Guarantee;
  /** Where it has no memory left all of it is killed, not one process. */
  readonly oomGroup: boolean;
  /** Whether equal pages of its memory are merged. */
  readonly ksm: boolean;
  readonly cpu: CpuShare;
  readonly io: IoShare;
  readonly counts: Counts;
}

/** Bytes; undefined: none was asked for. */
export interface Guarantee {
  /** Kept while others ask for what is theirs (VMGUARPAGES, MEMGUARANTEE). */
  readonly low: bigint | undefined;
  /** Not taken at all (OOMGUARPAGES). */
  readonly min: bigint | undefined;
}

export interface CpuShare {
  /** 8 to 500000, 1000 is usual; undefined: nobody said. */
  readonly units: number | undefined;
  /** Percent of one CPU; undefined: no limit. */
  readonly limit: number | undefined;
  /** How many it is to see, where it may run on any; undefined: all. */
  readonly count: number | undefined;
  /** In the kernel's form, as `0-2,7`; `auto`: those of the nodes. */
  readonly mask: numbers.NumberList | 'all' | 'auto';
  /** NUMA nodes. */
  readonly nodes: numbers.NumberList | 'all';
}

/** Undefined: nobody said, or no limit. */
export interface IoShare {
  /** 0 to 7, the higher the more; 4 is usual. */
  readonly priority: number | undefined;
  readonly bytesPerSecond: bigint | undefined;
  readonly operationsPerSecond: number | undefined;
}

/** Undefined: nobody said; UNLIMITED where somebody did. */
export interface Counts {
  readonly ptys: bigint | undefined;
  /** Of each process. */
  readonly openFiles: bigint | undefined;
  /** Bytes, of each process. */
  readonly lockedMemory: bigint | undefined;
  /** Of each user. */
  readonly pendingSignals: bigint | undefined;
  /** Bytes. */
  readonly sharedMemory: bigint | undefined;
}

export function readResources(reader: SettingReader): Resources {
  const ram = readBytes(reader, 'PHYSPAGES', types.SOME_PAGES.parse);
  const numproc = reader.read('NUMPROC', types.SOME_ITEMS.parse)?.limit;
  return {
    ram,
    swap: readBytes(reader, 'SWAPPAGES', types.PAGES.parse),
    numproc: numproc === UNLIMITED ? undefined : numproc,
    hugepages: reader.read('HUGEPAGES', HUGEPAGES.parse) ?? [],
    guarantee: readGuarantee(reader, ram),
    ksm: reader.read('KSM', types.YES_NO.parse) ?? false,
    oomGroup: reader.read('OOM_GROUP', types.YES_NO.parse) ?? false,
    cpu: readCpu(reader),
    io: {
      priority: reader.read('IOPRIO', numbers.IOPRIO.parse),
      bytesPerSecond: reader.read('IOLIMIT', numbers.IOLIMIT.parse) || undefined,
      operationsPerSecond: reader.read('IOPSLIMIT', numbers.IOPSLIMIT.parse) || undefined,
    },
    counts: readCounts(reader),
  };
}

function readBytes(reader: SettingReader, key: string, parse: (text: string) => Limit): bigint | undefined {
  const pages = reader.read(key, parse)?.limit;
  return pages === undefined ? undefined : pagesToBytes(pages);
}

/** Of guarantees the barrier counts. The percentage is that of the container's own limit. */
function readGuarantee(reader: SettingReader, ram: bigint | undefined): Guarantee {
  const barrier = (key: string): bigint | undefined => {
    const pages = reader.read(key, types.PAGES.parse)?.barrier;
    return pages === undefined ? undefined : (pagesToBytes(pages) ?? UNLIMITED);
  };
  const percent = reader.read('MEMGUARANTEE', numbers.GUARANTEE.parse);
  const share =
    ram === undefined || percent === undefined || percent === 'auto'
      ? undefined
      : (ram * BigInt(percent)) / 100n;
  return { low: barrier('VMGUARPAGES') ?? share, min: barrier('OOMGUARPAGES') };
}

/** CPULIMIT and CPUS are both limits of time: the smaller one counts. */
function readCpu(reader: SettingReader): CpuShare {
  const limit = reader.read('CPULIMIT', numbers.CPULIMIT.parse) || undefined;
  const cpus = reader.read('CPUS', numbers.CPUS.parse) || undefined;
  const limits = [limit, cpus && cpus * 100].filter((at) => at !== undefined);
  return {
    units: reader.read('CPUUNITS', numbers.CPUUNITS.parse),
    limit: limits.length === 0 ? undefined : Math.min(...limits),
    count: cpus,
    mask: reader.read('CPUMASK', numbers.CPUMASK.parse) ?? 'all',
    nodes: reader.read('NODEMASK', numbers.NODEMASK.parse) ?? 'all',
  };
}

function readCounts(reader: SettingReader): Counts {
  const bytes = (pages: bigint | undefined): bigint | undefined =>
    pages === undefined ? undefined : (pagesToBytes(pages) ?? UNLIMITED);
  return {
    ptys: reader.read('NUMPTY', types.ITEMS.parse)?.limit,
    openFiles: reader.read('NUMFILE', types.SOME_ITEMS.parse)?.limit,
    lockedMemory: bytes(reader.read('LOCKEDPAGES', types.PAGES.parse)?.limit),
    pendingSignals: reader.read('NUMSIGINFO', types.ITEMS.parse)?.limit,
    sharedMemory: bytes(reader.read('SHMPAGES', types.PAGES.parse)?.limit),
  };
}
