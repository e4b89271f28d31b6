/** Classes of traffic as elements of the maps of our table: pure. */
import { sizeOf, toBits } from '../../config/networks.js';
import type { ClassedNetwork } from '../../config/traffic-classes.js';

export interface ClassedRange {
  readonly class: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** For `nft -f -`: they take the place of those there were, in one transaction. */
export function classRuleset(table: string, networks: readonly ClassedNetwork[]): string {
  return ([4, 6] as const).flatMap((family) => mapsOf(table, family, networks)).join('');
}

function mapsOf(table: string, family: 4 | 6, networks: readonly ClassedNetwork[]): readonly string[] {
  const ranges = disjointRanges(networks.filter(({ network }) => network.family === family));
  return (['sent', 'received'] as const).map((name) => {
    const map = `inet ${table} ${name}class${family}`;
    const all = ranges.map(
      (range) => `${textOf(family, range.first)}-${textOf(family, range.last)} : jump ${name}-${range.class}`,
    );
    return `flush map ${map}\n${all.length > 0 ? `add element ${map} { ${all.join(', ')} }\n` : ''}`;
  });
}

/** Networks of one family contain each other or have nothing in common: of an address the narrowest one is meant. */
export function disjointRanges(networks: readonly ClassedNetwork[]): readonly ClassedRange[] {
  const sorted = networks.map(rangeOf).sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
  const done: ClassedRange[] = [];
  const open: ClassedRange[] = [];
  let next = 0n;
  // Says of what has not been said of yet, up to `end`, that it is of the narrowest open network.
  const say = (end: bigint): void => {
    const around = open.at(-1);
    if (around && next <= end) done.push({ class: around.class, first: next, last: end });
    next = end + 1n;
  };
  const close = (before: bigint): void => {
    for (let at = open.at(-1); at && at.last < before; at = open.at(-1)) {
      say(at.last);
      open.pop();
    }
  };
  for (const range of sorted) {
    close(range.first);
    if (open.length > 0 && next < range.first) say(range.first - 1n);
    next = range.first;
    open.push(range);
  }
  close(1n << 128n);
  return done;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

function rangeOf({ class: number, network }: ClassedNetwork): ClassedRange {
  const first = toBits(network.family, network.address);
  return { class: number, first, last: first + sizeOf(network) - 1n };
}

/** As nftables reads it, not in its shortest form. */
function textOf(family: 4 | 6, value: bigint): string {
  const hex = value.toString(16).padStart(family === 4 ? 8 : 32, '0');
  if (family === 6) return (hex.match(/.{4}/g) ?? []).join(':');
  return (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.');
}
