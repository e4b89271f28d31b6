/** Beancounters as a table for people, as vzubc has it. Pure. */
import { UNLIMITED } from '../../config/units.js';
import type { Beancounter, Beancounters } from '../../container/beancounters.js';

export interface Look {
  /** Only what has failed, or comes near its limit: parts of it that are held, and were. */
  readonly near?: { readonly held: number; readonly maxheld: number } | undefined;
  /** Whole numbers, rather than rounded ones. */
  readonly exact?: boolean | undefined;
  /** What comes near its limit, or has failed, in colour. */
  readonly color?: boolean | undefined;
}

/** One for each container of which there is something to show. */
export function ubcTables(all: readonly Beancounters[], look: Look): string {
  return all
    .map((each) => tableOf(each, look))
    .filter(Boolean)
    .join('\n');
}

const NEAR = { held: 0.5, maxheld: 0.8 } as const;

function tableOf({ ctid, resources }: Beancounters, { near, exact = false, color = false }: Look): string {
  const shown = near ? resources.filter((each) => isNear(each, near)) : resources;
  if (shown.length === 0) return '';
  const lines = [
    ['', 'HELD', 'Bar%', 'Lim%', 'MAXH', 'Bar%', 'Lim%', 'BAR', 'LIM', 'FAIL'],
    ...shown.map((each) => cellsOf(each, exact)),
  ];
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0))) ?? [];
  widths[0] = Math.max(widths[0] ?? 0, `CT ${ctid}`.length);
  const [head = '', ...rows] = lines.map((cells) => lineOf(cells, widths));
  const rule = head.replace(/[^|]/g, '-').replaceAll('|', '+');
  const title = `CT ${ctid}`.padEnd(widths[0]) + head.slice(widths[0]);
  const body = rows.map((line, at) =>
    color && shown[at] && isNear(shown[at], near ?? NEAR) ? `\x1b[31m${line}\x1b[39m` : line,
  );
  return `${['-'.repeat(head.length), title, rule, ...body].join('\n')}\n`;
}

/** Where a bar stands before a cell. */
const BARS = new Set([1, 4, 7, 8, 9]);

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, at) => `${BARS.has(at) ? '|' : at === 0 ? '' : ' '}${cell.padStart(widths[at] ?? 0)}`)
    .join('');
}

/** A "-" is nothing, or no limit; what the kernel does not count is "n/c". */
function cellsOf({ resource, counted, barrier, limit }: Beancounter, exact: boolean): readonly string[] {
  const text = (value: number | bigint): string => amount(Number(value), bytesOf(resource), exact);
  const most = (value: bigint): string => (value === UNLIMITED ? '-' : text(value));
  const against = (value: number): readonly string[] => [
    value === 0 ? '-' : text(value),
    ...[barrier, limit].map((at) => percent(value, at)),
  ];
  const held = counted
    ? [...against(counted.held), ...against(counted.maxheld)]
    : ['n/c', '-', '-', 'n/c', '-', '-'];
  const failures = counted ? (counted.failcnt === 0 ? '-' : String(counted.failcnt)) : 'n/c';
  return [resource, ...held, most(barrier), most(limit), failures];
}

function percent(value: number, of: bigint): string {
  if (of === UNLIMITED || of === 0n || value === 0) return '-';
  return `${Math.round((100 * value) / Number(of))}%`;
}

export function isNear(
  { counted, limit }: Beancounter,
  { held, maxheld }: { readonly held: number; readonly maxheld: number },
): boolean {
  if (!counted) return false;
  const share = (value: number): number => (limit === UNLIMITED || limit === 0n ? 0 : value / Number(limit));
  return counted.failcnt > 0 || share(counted.held) > held || share(counted.maxheld) > maxheld;
}

/** Bytes of one; undefined: it is no memory. */
function bytesOf(resource: string): number | undefined {
  if (resource.endsWith('pages')) return 4096;
  return resource.startsWith('num') ? undefined : 1;
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/** 3.14M: what is memory in powers of 1024, things in powers of 1000 where they are many. */
function amount(value: number, bytes: number | undefined, exact: boolean): string {
  if (exact) return String(value);
  const [base, whole] = bytes === undefined ? [1000, value] : [1024, value * bytes];
  if (bytes === undefined && Math.abs(whole) < 100_000) return String(whole);
  let [scaled, unit] = [whole, 0];
  for (; Math.abs(scaled) >= base && unit < UNITS.length - 1; unit += 1) scaled /= base;
  const places = unit === 0 ? 0 : Math.max(0, 3 - String(Math.floor(Math.abs(scaled))).length);
  return `${scaled.toFixed(places)}${UNITS[unit]}`;
}
