/** The value types of CPU, disk and network rates. */
import { parseLimit } from './units.js';
import { plain, type ValueType, words } from './value-type.js';
import { bad, expectSingle, parseWhole } from './values.js';

/** What CPUUNITS may be. */
const MIN_UNITS = 8;
const MAX_UNITS = 500_000;
const MAX_CPU = 8191;
/** INT_MAX, as vzctl has it. */
const MAX_IO = 2_147_483_647n;

export const CPUUNITS = plain('NUM', (text) =>
  parseWhole(text, MAX_UNITS, `a number from ${MIN_UNITS} to ${MAX_UNITS} expected`, MIN_UNITS),
);

/** Percent of one CPU, 0 for no limit; saved without the sign. */
export const CPULIMIT: ValueType<number> = {
  placeholder: 'PERCENT',
  parse: parsePercent,
  save: (text) => String(parsePercent(text)),
};

/** 0 or `unlimited`: as many as the host has. */
export const CPUS: ValueType<number> = {
  placeholder: 'NUM',
  parse: parseCpus,
  save: (text) => String(parseCpus(text)),
};

/** Bytes per second, 0 for no limit; a bare number of the option is in MiB. */
export const IOLIMIT: ValueType<bigint> = {
  placeholder: 'RATE',
  parse: parseRate,
  save: (text) => String(parseRate(/^[0-9]+(?:\.[0-9]+)?$/.test(text) ? `${text}M` : text)),
};

/** Operations per second, 0 for no limit. */
export const IOPSLIMIT = plain('NUM', (text) => parseWhole(text, Number(MAX_IO), 'bad number of operations'));

export const IOPRIO = plain('0…7', (text) => parseWhole(text, 7, 'a number from 0 to 7 expected'));

/** Numbers and ranges of them in the kernel's form (cpuset(7), List format). */
export type NumberList = string;

export const CPUMASK = plain('LIST|all|auto', (text): NumberList | 'all' | 'auto' =>
  text === 'all' || text === 'auto' ? text : parseNumberList(text),
);
export const NODEMASK = plain('LIST|all', (text): NumberList | 'all' =>
  text === 'all' ? text : parseNumberList(text),
);

/** Each of them; none of an empty list. */
export function numbersOf(list: NumberList): readonly number[] {
  return list
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

/** A factor, 0 for none. */
export const FACTOR = plain('FACTOR', (text) => {
  if (!/^[0-9]{1,9}(?:\.[0-9]{1,9})?$/.test(text)) throw bad('BAD_VALUE', 'bad factor', text);
  return Number(text);
});

/** Percent of RAM, or undefined for `auto`. */
export const GUARANTEE = plain('PERCENT|auto', (text): number | 'auto' =>
  text === 'auto' ? text : parseWhole(text.replace(/%$/, ''), 100, 'a number from 0 to 100 or auto expected'),
);

/** What becomes of a start for which there is no room. */
export const ADMISSION = words('refuse', 'warn', 'off');

/** Percent of the host's memory that limits may add up to. */
export const OVERCOMMIT = plain('PERCENT|unlimited', (text): number | 'unlimited' =>
  text === 'unlimited'
    ? text
    : parseWhole(text.replace(/%$/, ''), 100_000, 'a number of percent from 1 on, or unlimited expected', 1),
);

export const MEMINFO = plain('none|pages:NUM|privvmpages:NUM', (text) => {
  if (!/^(?:none|(?:pages|privvmpages):[1-9][0-9]{0,15})$/.test(text))
    throw bad('BAD_VALUE', 'none, pages:NUM or privvmpages:NUM expected', text);
  return text;
});

function parsePercent(text: string): number {
  return parseWhole(text.replace(/%$/, ''), 100 * (MAX_CPU + 1), 'a number of percent expected');
}

function parseCpus(text: string): number {
  return text === 'unlimited' ? 0 : parseWhole(text, MAX_CPU + 1, 'bad number of CPUs');
}

function parseRate(text: string): bigint {
  if (text === 'unlimited') return 0n;
  expectSingle(text);
  const { limit } = parseLimit(text, 'bytes');
  if (limit > MAX_IO) throw bad('BAD_VALUE', `more than ${MAX_IO} bytes per second`, text);
  return limit;
}

function parseNumberList(text: string): NumberList {
  const parts = text.split(',').map((part) => {
    const [, first = '', last = first] = /^([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(part) ?? [];
    const range = [first, last].map((number) => (number === '' ? -1 : Number(number)));
    return range as [number, number];
  });
  if (parts.some(([first, last]) => first < 0 || last < first || last > MAX_CPU))
    throw bad('BAD_VALUE', 'a list of numbers and ranges expected, as 0-2,7', text);
  return parts.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',');
}
