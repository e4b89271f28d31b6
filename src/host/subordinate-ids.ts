/** Which ranges of user ids are taken on this host, and the next free one. */
import { readFileSync } from 'node:fs';
import { CellaError, isErrno } from '../errors.js';

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** Above what useradd and the distributions hand out, below what 32-bit signed tools choke on. */
const FIRST = 1_048_576;
const LAST = 1_878_982_656;

/** The lowest free range of `count` ids that starts at a multiple of `count`. */
export function allocateRange(taken: readonly IdRange[], count: number): number {
  const sorted = [...taken].sort((a, b) => a.start - b.start);
  let start = FIRST;
  for (const range of sorted) {
    if (range.start >= start + count) break;
    const end = range.start + range.count;
    if (end > start) start = Math.ceil(end / count) * count;
  }
  if (start + count > LAST)
    throw new CellaError('NO_RESOURCES', 'no range of user ids is free', {
      hint: 'Destroy containers that are not needed.',
    });
  return start;
}

/** How many ranges of `count` ids that begin at a multiple of it there are, and are free. */
export function countRanges(
  taken: readonly IdRange[],
  count: number,
): { readonly free: number; readonly total: number } {
  const total = Math.floor((LAST - FIRST) / count);
  const used = new Set<number>();
  for (const { start, count: length } of taken) {
    const first = Math.max(0, Math.floor((start - FIRST) / count));
    const last = Math.min(total - 1, Math.floor((start + length - 1 - FIRST) / count));
    for (let slot = first; slot <= last; slot += 1) used.add(slot);
  }
  return { free: total - used.size, total };
}

export function overlaps(a: IdRange, b: IdRange): boolean {
  return a.start < b.start + b.count && b.start < a.start + a.count;
}

/** Ids that the host's own users have: /etc/passwd, /etc/group, subuid(5), subgid(5). */
export function hostRanges(): readonly IdRange[] {
  const singles = ['/etc/passwd', '/etc/group'].flatMap((path) =>
    lines(path).map((fields) => ({ start: Number(fields[2]), count: 1 })),
  );
  const ranges = ['/etc/subuid', '/etc/subgid'].flatMap((path) =>
    lines(path).map((fields) => ({ start: Number(fields[1]), count: Number(fields[2]) })),
  );
  return [...singles, ...ranges].filter(
    ({ start, count }) => Number.isInteger(start) && Number.isInteger(count),
  );
}

function lines(path: string): readonly (readonly string[])[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(':'));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
