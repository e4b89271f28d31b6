/** Shares of a host that containers hold, were promised, and may take at most. Pure. */
import type { Capacity, ContainerResources, HostResources } from './facts.js';

/** Percent of what the host has. */
export interface Share {
  readonly resource: 'Total RAM' | 'Mem + Swap' | 'Num. Proc';
  /** Null: this host does not count it. */
  readonly current: number | null;
  /** Null: nothing can be promised of it. */
  readonly promised: number | null;
  /** Null: no limit. */
  readonly max: number | null;
}

export function sharesOf(container: ContainerResources, host: HostResources): readonly Share[] {
  const { held, promised, limits } = container;
  const both = host.memory.total + host.swap.total;
  return [
    {
      resource: 'Total RAM',
      current: percent(held.memory, host.memory.total),
      promised: percent(promised, host.memory.total),
      max: percent(limits.memory, host.memory.total),
    },
    {
      resource: 'Mem + Swap',
      current: percent(sum(held.memory, held.swap ?? 0n), both),
      promised: percent(promised, both),
      max: percent(sum(limits.memory, limits.swap), both),
    },
    {
      resource: 'Num. Proc',
      current: percent(BigInt(held.tasks), BigInt(host.tasks.limit)),
      promised: null,
      max: percent(limits.tasks, BigInt(host.tasks.limit)),
    },
  ];
}

/** Of memory alone: in each column the share that is largest; a limit that is none is the largest. */
export function memoryShare(shares: readonly Share[]): Omit<Share, 'resource'> {
  const memory = shares.filter(({ resource }) => resource !== 'Num. Proc');
  const most = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  const limits = memory.map(({ max }) => max);
  return {
    current: most(memory.map(({ current }) => current)),
    promised: most(memory.map(({ promised }) => promised)),
    max: limits.includes(null) ? null : most(limits),
  };
}

/** Bytes. */
export interface MemoryRow {
  /** Undefined: the whole host. 0: what of the host is in no container. */
  readonly ctid?: number;
  /** Null: not counted. */
  readonly ram: { readonly used: bigint | null; readonly promised: bigint; readonly limit: bigint | null };
  readonly both: { readonly used: bigint | null; readonly promised: bigint; readonly limit: bigint | null };
  /** What programs have asked for, which Linux counts for the host alone; `limit`: null where it refuses nothing. */
  readonly committed: { readonly held: bigint; readonly limit: bigint | null } | null;
}

/** Of each container that runs and of the rest of the host; the last row is all of it. */
export function memoryRows({ host, containers }: Capacity): readonly MemoryRow[] {
  const rows = containers.filter(({ running }) => running).map(memoryRow);
  const ram = host.memory.total - host.memory.available;
  const used = { ram, both: ram + host.swap.total - host.swap.free };
  const limit = (of: 'ram' | 'both'): bigint | null =>
    rows.reduce<bigint | null>((total, row) => sum(total, row[of].limit), 0n);
  const promised = rows.reduce((total, row) => total + row.ram.promised, 0n);
  const rest = (of: 'ram' | 'both'): bigint => {
    const held = rows.reduce((total, row) => total + (row[of].used ?? 0n), 0n);
    return used[of] > held ? used[of] - held : 0n;
  };
  return [
    {
      ctid: 0,
      ram: { used: rest('ram'), promised: 0n, limit: null },
      both: { used: rest('both'), promised: 0n, limit: null },
      committed: null,
    },
    ...rows,
    {
      ram: { used: used.ram, promised, limit: limit('ram') },
      both: { used: used.both, promised, limit: limit('both') },
      committed: host.committed,
    },
  ];
}

function memoryRow({ ctid, held, promised, limits }: ContainerResources): MemoryRow {
  return {
    ctid,
    ram: { used: held.memory, promised, limit: limits.memory },
    both: {
      used: sum(held.memory, held.swap ?? 0n),
      promised,
      limit: sum(limits.memory, limits.swap),
    },
    committed: null,
  };
}

/** Null where one of them is: unknown, or without a limit. */
function sum(a: bigint | null, b: bigint | null): bigint | null {
  return a === null || b === null ? null : a + b;
}

/** With two places behind the point, which is what is shown. */
export function percent(part: bigint | null, whole: bigint): number | null {
  if (part === null) return null;
  return whole === 0n ? 0 : Number((part * 10_000n) / whole) / 100;
}
