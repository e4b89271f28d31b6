/** Two looks at what containers have used → rows of how fast they use it. Pure. */
import type { ContainerUsage } from '../../container/host.js';

export interface TopRow {
  readonly ctid: number;
  readonly status: 'running' | 'stopped';
  readonly name: string;
  /** Percent of one processor; null: not looked at twice yet, or not running. */
  readonly cpu: number | null;
  /** Bytes; null: not running, or not counted. */
  readonly memory: number | null;
  /** Bytes; null: no limit. */
  readonly limit: number | null;
  readonly tasks: number | null;
  /** Bytes a second, from and to disks. */
  readonly read: number | null;
  readonly written: number | null;
  /** Bytes a second, of frames on its links to the host. */
  readonly received: number | null;
  readonly sent: number | null;
  /** Percent of the last ten seconds in which something of it waited for that; null: not told. */
  readonly pressure: {
    readonly cpu: number | null;
    readonly memory: number | null;
    readonly io: number | null;
  };
}

export type Looks = readonly ContainerUsage[];

export function rowsOf(before: Looks, now: Looks): readonly TopRow[] {
  const last = new Map(before.map((look) => [look.ctid, look]));
  return now.map((look) => rowOf(last.get(look.ctid), look));
}

function rowOf(before: ContainerUsage | undefined, now: ContainerUsage): TopRow {
  const { ctid, running, hostname, name, ram, used, network, pressure } = now;
  const seconds = before?.used ? (now.at - before.at) / 1000 : 0;
  const rate = (from: bigint | null | undefined, to: bigint | null | undefined): number | null => {
    if (from == null || to == null || seconds <= 0) return null;
    // Less than before: it was started anew.
    return Math.round(Math.max(0, Number(to - from)) / seconds);
  };
  const cpu = rate(before?.used?.cpuMicroseconds, used?.cpuMicroseconds);
  return {
    ctid,
    status: running ? 'running' : 'stopped',
    name: name ?? hostname ?? '',
    cpu: cpu === null ? null : Math.round(cpu / 100) / 100,
    memory: numberOf(used?.memory),
    limit: numberOf(ram),
    tasks: used?.tasks ?? null,
    read: rate(before?.used?.read, used?.read),
    written: rate(before?.used?.written, used?.written),
    received: rate(before?.network?.received, network?.received),
    sent: rate(before?.network?.sent, network?.sent),
    pressure: pressure ?? { cpu: null, memory: null, io: null },
  };
}

function numberOf(value: bigint | null | undefined): number | null {
  return value == null ? null : Number(value);
}

export const SORTS = ['cpu', 'memory', 'tasks', 'io', 'ctid', 'name'] as const;
export type Sort = (typeof SORTS)[number];

const VALUES: Readonly<Record<Exclude<Sort, 'name'>, (row: TopRow) => number | null>> = {
  cpu: ({ cpu }) => cpu,
  memory: ({ memory }) => memory,
  tasks: ({ tasks }) => tasks,
  io: ({ read, written }) => (read === null && written === null ? null : (read ?? 0) + (written ?? 0)),
  // The lowest first.
  ctid: ({ ctid }) => -ctid,
};

/** What is most first, ids and names from the first on, or the other way round; what has no value comes last. */
export function sortRows(rows: readonly TopRow[], by: Sort, reverse: boolean): readonly TopRow[] {
  const sign = reverse ? -1 : 1;
  const value = by === 'name' ? undefined : VALUES[by];
  return [...rows].sort((a, b) => {
    if (!value) return sign * a.name.localeCompare(b.name, 'en', { numeric: true }) || a.ctid - b.ctid;
    const [first, second] = [value(a), value(b)];
    if (first === null || second === null)
      return Number(first === null) - Number(second === null) || a.ctid - b.ctid;
    return sign * (second - first) || a.ctid - b.ctid;
  });
}

/** 12.3M: powers of 1024, four places at most. */
export function human(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 999.5 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  const places = unit > 0 && value < 99.95 ? 1 : 0;
  return `${value.toFixed(places)}${UNITS[unit]}`;
}

const UNITS = ['B', 'K', 'M', 'G', 'T', 'P'] as const;
