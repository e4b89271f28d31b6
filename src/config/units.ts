/** The value grammar of limits: barrier[:limit] with suffixes, fractions and "unlimited". */

import { CellaError } from '../errors.js';

/** `blocks` are of 1 KiB, as DISKSPACE has them. */
export type LimitUnit = 'bytes' | 'pages' | 'items' | 'blocks';

export interface Limit {
  readonly barrier: bigint;
  readonly limit: bigint;
}

export interface LimitOptions {
  readonly pageSize?: number;
}

/** What "unlimited" stands for; greater numbers are cut to it. */
export const UNLIMITED = 9223372036854775807n;

/** The block that DISKSPACE is in. */
export const BLOCK_SIZE = 1024n;

/** The page that PHYSPAGES and the other page counts are in. */
export const PAGE_SIZE = 4096;

const NUMBER = /^([0-9]+)(?:\.([0-9]+))?([TGMKPB])?$/i;

/** Reads `barrier[:limit]` in the given unit; one value sets both. */
export function parseLimit(text: string, unit: LimitUnit, options: LimitOptions = {}): Limit {
  const pageSize = BigInt(options.pageSize ?? PAGE_SIZE);
  const parts = text.split(':');
  const values = parts.map((part) => parseAmount(part, unit, pageSize));
  const [barrier, limit = barrier] = values;
  if (values.length > 2 || barrier === undefined || limit === undefined || values.includes(undefined)) {
    throw new CellaError('BAD_VALUE', `bad limit ${JSON.stringify(text)}`, { hint: HINTS[unit] });
  }
  return { barrier, limit };
}

/** The saved form, always both halves: `0:65536`, `0:unlimited`. */
export function formatLimit(limit: Limit): string {
  return `${formatAmount(limit.barrier)}:${formatAmount(limit.limit)}`;
}

/** A page count in bytes; undefined when that means no limit. */
export function pagesToBytes(pages: bigint, pageSize = PAGE_SIZE): bigint | undefined {
  const size = BigInt(pageSize);
  const bytes = pages * size;
  return bytes > UNLIMITED - size ? undefined : bytes;
}

const HINTS: Readonly<Record<LimitUnit, string>> = {
  bytes: 'Give bytes, or a number with one of the suffixes T G M K P B, or unlimited.',
  pages: 'Give pages, or a number with one of the suffixes T G M K P B, or unlimited.',
  blocks: 'Give blocks of 1 KiB, or a number with one of the suffixes T G M K P B, or unlimited.',
  items: 'Give a whole number without a suffix, or unlimited.',
};

function parseAmount(text: string, unit: LimitUnit, pageSize: bigint): bigint | undefined {
  if (text === 'unlimited') return UNLIMITED;
  const [, whole, fraction = '', suffix] = NUMBER.exec(text) ?? [];
  if (whole === undefined || (unit === 'items' && suffix !== undefined)) return undefined;
  if (suffix === undefined) return cut(BigInt(whole));
  const scaled = BigInt(whole + fraction) * suffixBytes(suffix, pageSize);
  const bytes = scaled / 10n ** BigInt(fraction.length);
  return cut(bytes / unitBytes(unit, pageSize));
}

function unitBytes(unit: LimitUnit, pageSize: bigint): bigint {
  if (unit === 'pages') return pageSize;
  return unit === 'blocks' ? BLOCK_SIZE : 1n;
}

function suffixBytes(suffix: string, pageSize: bigint): bigint {
  const upper = suffix.toUpperCase();
  return upper === 'P' ? pageSize : 1024n ** BigInt('BKMGT'.indexOf(upper));
}

function cut(value: bigint): bigint {
  return value > UNLIMITED ? UNLIMITED : value;
}

function formatAmount(value: bigint): string {
  return value === UNLIMITED ? 'unlimited' : value.toString();
}
