/** RATE: how fast a container may receive and send. */
import { parseInterfaceName } from './devices.js';
import { list } from './value-type.js';
import { bad, parseWhole } from './values.js';

/** OpenVZ's: of what it sends to one class of networks. */
export interface ClassRate {
  readonly kind: 'class';
  /** `*`: any. */
  readonly device: string;
  readonly class: number;
  /** Bits per second. */
  readonly rate: number;
}

/** Bits per second, 0 for no limit; seen from the container. */
export interface BothRates {
  readonly kind: 'both';
  readonly in: number;
  readonly out: number;
  /** Bytes that may come at once; undefined: what suits the rate. */
  readonly burst: number | undefined;
}

export interface Rate {
  /** Bits per second. */
  readonly rate: number;
  /** Bytes. */
  readonly burst: number;
}

/** Seen from the container; null: as fast as it goes. */
export interface Shaping {
  readonly in: Rate | null;
  readonly out: Rate | null;
}

/** There is one of the form IN/OUT, and of OpenVZ's one for each device and class. */
export const RATE = list('IN/OUT[/BURST]|DEVICE:CLASS:RATE', parseRate, formatRate, {
  keyOf: (item) => (item.includes('/') ? '/' : item.slice(0, item.lastIndexOf(':'))),
});

/**
 * What the two ends of a link are limited to; null: neither is. The form IN/OUT decides; of several of OpenVZ's, for
 * which nobody here tells classes apart, the highest counts.
 */
export function shapingOf(rates: readonly (ClassRate | BothRates)[]): Shaping | null {
  const both = rates.find((each) => each.kind === 'both');
  const classes = rates.flatMap((each) => (each.kind === 'class' ? [each.rate] : []));
  const [into, out] = both ? [both.in, both.out] : [0, Math.max(0, ...classes)];
  if (into === 0 && out === 0) return null;
  const limit = (rate: number): Rate | null =>
    rate === 0 ? null : { rate, burst: both?.burst ?? usualBurst(rate) };
  return { in: limit(into), out: limit(out) };
}

const SMALLEST_BURST = 32_768;

/** What comes in 10 ms: enough for the full rate where timers are coarse. */
function usualBurst(rate: number): number {
  return Math.max(SMALLEST_BURST, Math.ceil(rate / 8 / 100));
}

function parseRate(text: string): ClassRate | BothRates {
  return text.includes('/') ? parseBoth(text) : parseClass(text);
}

function parseClass(text: string): ClassRate {
  const [device = '', klass = '', rate = '', ...rest] = text.split(':');
  if (rest.length > 0) throw bad('BAD_VALUE', 'DEVICE:CLASS:RATE expected', text);
  return {
    kind: 'class',
    device: device === '*' ? device : parseInterfaceName(device),
    class: parseWhole(klass, 15, 'a traffic class from 0 to 15 expected'),
    rate: 1000 * parseWhole(rate, 4_294_967_295, 'a rate in kbit/s expected', 1),
  };
}

const UNITS = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 } as const;
const LOWEST = 1000;
const HIGHEST = 1e12;

function parseBoth(text: string): BothRates {
  const [into = '', out = '', burst, ...rest] = text.split('/');
  if (rest.length > 0) throw bad('BAD_VALUE', 'IN/OUT[/BURST] expected', text);
  return {
    kind: 'both',
    in: parseBits(into),
    out: parseBits(out),
    burst: burst === undefined ? undefined : parseBurst(burst),
  };
}

/** A bare number is in kbit. */
function parseBits(text: string): number {
  const [, number, unit = 'kbit'] = /^([0-9]{1,12}(?:\.[0-9]{1,9})?)(bit|kbit|mbit|gbit)?$/.exec(text) ?? [];
  const rate = Math.round(Number(number) * UNITS[unit as keyof typeof UNITS]);
  if (number === undefined || (rate !== 0 && rate < LOWEST) || rate > HIGHEST)
    throw bad('BAD_VALUE', 'a rate from 1kbit to 1000gbit, or 0, expected', text);
  return rate;
}

const LOWEST_BURST = 2048;
const HIGHEST_BURST = 1 << 30;

function parseBurst(text: string): number {
  const [, number, unit = ''] = /^([0-9]{1,10})([KM]?)$/i.exec(text) ?? [];
  const bytes = Number(number) * { '': 1, K: 1024, M: 1 << 20 }[unit.toUpperCase() as '' | 'K' | 'M'];
  // Less than a packet would let nothing pass.
  if (number === undefined || bytes < LOWEST_BURST || bytes > HIGHEST_BURST)
    throw bad('BAD_VALUE', 'a burst from 2048 bytes to 1024M expected', text);
  return bytes;
}

function formatRate(rate: ClassRate | BothRates): string {
  if (rate.kind === 'class') return `${rate.device}:${rate.class}:${rate.rate / 1000}`;
  const { burst } = rate;
  const parts = [formatBits(rate.in), formatBits(rate.out)];
  return [...parts, ...(burst === undefined ? [] : [formatBurst(burst)])].join('/');
}

function formatBits(rate: number): string {
  if (rate === 0) return '0';
  const unit = (['gbit', 'mbit', 'kbit'] as const).find((each) => rate % UNITS[each] === 0) ?? 'bit';
  return `${rate / UNITS[unit]}${unit}`;
}

function formatBurst(bytes: number): string {
  if (bytes % (1 << 20) === 0) return `${bytes >> 20}M`;
  return bytes % 1024 === 0 ? `${bytes / 1024}K` : String(bytes);
}
