/** HUGEPAGES: how much memory in huge pages of each size, as `2M:64M 1G:0`. */
import { parseLimit, UNLIMITED } from './units.js';
import { list } from './value-type.js';
import { bad } from './values.js';

export interface HugepageLimit {
  /** Of one page, bytes. */
  readonly size: bigint;
  /** Bytes in all; UNLIMITED: no limit. */
  readonly limit: bigint;
}

const FORM = 'PAGESIZE:BYTES[,…]';

export const HUGEPAGES = list(FORM, parseItem, format, {
  split: /[\s,]+/,
  keyOf: (item) => item.split(':')[0] ?? '',
  isNone: (item) => item.endsWith(':unlimited'),
});

function parseItem(text: string): HugepageLimit {
  const [, first, second] = /^([^:]+):([^:]+)$/.exec(text) ?? [];
  if (first === undefined || second === undefined)
    throw bad('BAD_VALUE', `${FORM} expected, as 2M:64M`, text);
  const size = parseLimit(first, 'bytes').limit;
  const { limit } = parseLimit(second, 'bytes');
  if (size <= 4096n || (size & (size - 1n)) !== 0n || size === UNLIMITED)
    throw bad('BAD_VALUE', 'no size of huge pages', first);
  // The kernel would round it down without a word.
  if (limit !== UNLIMITED && limit % size !== 0n)
    throw bad('BAD_VALUE', `no multiple of ${amount(size)}`, second);
  return { size, limit };
}

function format({ size, limit }: HugepageLimit): string {
  return `${amount(size)}:${limit === UNLIMITED ? 'unlimited' : amount(limit)}`;
}

const UNITS = [
  ['T', 40n],
  ['G', 30n],
  ['M', 20n],
  ['K', 10n],
] as const;

/** In the greatest unit of which it is whole. */
function amount(bytes: bigint): string {
  const unit = bytes === 0n ? undefined : UNITS.find(([, bits]) => bytes % (1n << bits) === 0n);
  return unit === undefined ? String(bytes) : `${bytes >> unit[1]}${unit[0]}`;
}
