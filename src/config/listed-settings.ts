/** What vzlist shows of a config beyond what containers are made of: each setting as the file has it. Pure. */

import type { ConfigNames } from './container-config.js';
import type { ConfigFile } from './grammar.js';
import { type Interface, NETIF } from './interfaces.js';
import { CPULIMIT, CPUS, CPUUNITS, FACTOR, IOLIMIT, IOPRIO, IOPSLIMIT } from './numbers.js';
import { findByKey, isContainerScalar, isScalar } from './parameters.js';
import { SettingReader } from './setting-reader.js';
import type { Limit } from './units.js';
import * as types from './value-type.js';

/** The user beancounters, in the order in which vzlist has them. */
export const COUNTERS = [
  ...['kmemsize', 'lockedpages', 'privvmpages', 'shmpages', 'numproc', 'physpages', 'vmguarpages'],
  ...['oomguarpages', 'numtcpsock', 'numflock', 'numpty', 'numsiginfo', 'tcpsndbuf', 'tcprcvbuf'],
  ...['othersockbuf', 'dgramrcvbuf', 'numothersock', 'dcachesize', 'numfile', 'numiptent', 'swappages'],
] as readonly CounterName[];

export type CounterName =
  | 'kmemsize'
  | 'lockedpages'
  | 'privvmpages'
  | 'shmpages'
  | 'numproc'
  | 'physpages'
  | 'vmguarpages'
  | 'oomguarpages'
  | 'numtcpsock'
  | 'numflock'
  | 'numpty'
  | 'numsiginfo'
  | 'tcpsndbuf'
  | 'tcprcvbuf'
  | 'othersockbuf'
  | 'dgramrcvbuf'
  | 'numothersock'
  | 'dcachesize'
  | 'numfile'
  | 'numiptent'
  | 'swappages';

/** Null: nobody said. */
export interface ListedSettings {
  readonly counters: ReadonlyMap<CounterName, Limit>;
  /** KiB, and files. */
  readonly diskspace: Limit | null;
  readonly diskinodes: Limit | null;
  readonly cpulimit: number | null;
  readonly cpuunits: number | null;
  readonly cpus: number | null;
  readonly ioprio: number | null;
  readonly iolimit: bigint | null;
  readonly iopslimit: number | null;
  readonly vm_overcommit: number | null;
  readonly interfaces: readonly Interface[];
  /** As they stand in the file. */
  readonly texts: Readonly<Record<TextKey, string | null>>;
}

const TEXTS = [
  ...['MOUNT_OPTS', 'NETFILTER', 'UUID', 'DISTRIBUTION', 'DEVNODES', 'CPUMASK', 'NODEMASK'],
  ...['HA_ENABLE', 'HA_PRIO'],
] as readonly TextKey[];

type TextKey =
  | 'MOUNT_OPTS'
  | 'NETFILTER'
  | 'UUID'
  | 'DISTRIBUTION'
  | 'DEVNODES'
  | 'CPUMASK'
  | 'NODEMASK'
  | 'HA_ENABLE'
  | 'HA_PRIO';

/** A value that is wrong is none: whoever reads the config for real complains of it. */
export function readListed(host: ConfigFile, own: ConfigFile, names: ConfigNames): ListedSettings {
  const reader = new SettingReader([
    { file: own, name: names.container, isScalar: isContainerScalar },
    { file: host, name: names.host, isScalar },
  ]);
  const read = <T>(key: string, { parse }: types.ValueType<T>): T | null => reader.read(key, parse) ?? null;
  const limits = COUNTERS.flatMap((name): [CounterName, Limit][] => {
    const limit = read(name.toUpperCase(), findByKey(name.toUpperCase())?.value as types.ValueType<Limit>);
    return limit ? [[name, limit]] : [];
  });
  const texts = TEXTS.map((key) => [key, read(key, types.TEXT)] as const);
  return {
    counters: new Map(limits),
    diskspace: read('DISKSPACE', types.SOME_BLOCKS),
    diskinodes: read('DISKINODES', types.SOME_ITEMS),
    cpulimit: read('CPULIMIT', CPULIMIT),
    cpuunits: read('CPUUNITS', CPUUNITS),
    cpus: read('CPUS', CPUS),
    ioprio: read('IOPRIO', IOPRIO),
    iolimit: read('IOLIMIT', IOLIMIT),
    iopslimit: read('IOPSLIMIT', IOPSLIMIT),
    vm_overcommit: read('VM_OVERCOMMIT', FACTOR),
    interfaces: read('NETIF', NETIF) ?? [],
    texts: Object.fromEntries(texts) as Record<TextKey, string | null>,
  };
}
