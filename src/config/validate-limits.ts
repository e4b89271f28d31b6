/** The limits of one configuration file, in the units of the file. */
import { CellaError } from '../errors.js';
import { type ConfigFile, getSettings } from './grammar.js';
import { COUNTERS } from './listed-settings.js';
import { CPULIMIT, CPUMASK, CPUS, numbersOf } from './numbers.js';
import { findByKey } from './parameters.js';
import { type Limit, UNLIMITED } from './units.js';

export const LIMIT_KEYS: readonly string[] = [
  ...COUNTERS.map((name) => name.toUpperCase()),
  ...['AVNUMPROC', 'DISKSPACE', 'DISKINODES'],
];

export interface Limits {
  /** Those that are in the file. */
  readonly all: ReadonlyMap<string, Limit>;
  /** The higher half of a key; undefined: not there, or no limit. */
  limit(key: string): bigint | undefined;
  /** The lower half, which guarantees are; undefined: not there. */
  barrier(key: string): bigint | undefined;
  /** Percent of one CPU, CPUs, and CPUs that are named; undefined: no limit. */
  readonly cpulimit: number | undefined;
  readonly cpus: number | undefined;
  readonly named: readonly number[] | undefined;
}

export function readLimits(file: ConfigFile): Limits {
  const settings = getSettings(file);
  const read = <T>(key: string, parse: (text: string) => unknown): T | undefined => {
    const text = settings.get(key)?.value ?? '';
    return text === '' ? undefined : parsed(() => parse(text) as T);
  };
  const all = new Map(
    LIMIT_KEYS.flatMap((key): [string, Limit][] => {
      const limit = read<Limit>(key, findByKey(key)?.value.parse ?? (() => undefined));
      return limit ? [[key, limit]] : [];
    }),
  );
  const mask = read<string>('CPUMASK', CPUMASK.parse);
  return {
    all,
    limit: (key) => {
      const limit = all.get(key)?.limit;
      return limit === UNLIMITED ? undefined : limit;
    },
    barrier: (key) => all.get(key)?.barrier,
    cpulimit: read<number>('CPULIMIT', CPULIMIT.parse) || undefined,
    cpus: read<number>('CPUS', CPUS.parse) || undefined,
    named: mask === undefined || mask === 'all' || mask === 'auto' ? undefined : numbersOf(mask),
  };
}

/** What is only kept for other tools may be wrong: nobody reads it here. */
function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CellaError) return undefined;
    throw error;
  }
}
