/** A container as vzlist shows it: names are its fields, values have the types of its JSON. Pure. */

import { formatAddress } from '../config/address.js';
import type { ContainerConfig } from '../config/container-config.js';
import { formatLayout } from '../config/layout.js';
import { COUNTERS, type CounterName, type ListedSettings } from '../config/listed-settings.js';
import { type Limit, UNLIMITED } from '../config/units.js';
import type { DiskUsage } from '../host/disk-usage.js';
import type { Held } from '../host/held.js';

/** A user beancounter, in its own unit. */
export interface Counter {
  readonly held: number;
  readonly maxheld: number;
  readonly barrier: bigint;
  readonly limit: bigint;
  readonly failcnt: number;
}

/** KiB, or files. */
export interface DiskCounter {
  /** Null: nothing counts it. */
  readonly usage: bigint | null;
  readonly softlimit: bigint;
  readonly hardlimit: bigint;
}

/** Null: neither limited nor counted. */
export type Counters = { readonly [Name in CounterName]: Counter | null };

/** Null: nobody said, or it does not run. */
export interface ContainerInfo extends Counters {
  readonly ctid: number;
  readonly private: string | null;
  readonly root: string | null;
  readonly mount_opts: string | null;
  readonly origin_sample: string | null;
  readonly hostname: string | null;
  readonly name: string | null;
  /** The id where there is no name. */
  readonly smart_name: string;
  readonly description: string | null;
  readonly ostemplate: string | null;
  readonly ip: readonly string[];
  readonly configured_ip: readonly string[];
  readonly nameserver: readonly string[];
  readonly searchdomain: readonly string[];
  readonly status: 'running' | 'stopped' | 'mounted' | 'suspended';
  readonly diskspace: DiskCounter | null;
  readonly diskinodes: DiskCounter | null;
  /** What there is to run at the moment, for all three averages. */
  readonly laverage: readonly [number, number, number] | null;
  /** Seconds. */
  readonly uptime: number | null;
  /** Seconds of one processor since the start, and bytes from and to disks. */
  readonly cputime: number | null;
  readonly ioread: bigint | null;
  readonly iowritten: bigint | null;
  /** Percent of one processor. */
  readonly cpulimit: number | null;
  readonly cpuunits: number | null;
  readonly cpus: number;
  readonly cpumask: string | null;
  readonly nodemask: string | null;
  readonly ioprio: number;
  /** Bytes a second; 0: no limit, as below. */
  readonly iolimit: bigint;
  readonly iopslimit: number;
  readonly onboot: boolean | null;
  readonly bootorder: number | null;
  readonly autostop: string | null;
  readonly layout: string | null;
  readonly features: Readonly<Record<string, boolean>> | null;
  readonly capability: Readonly<Record<string, boolean>> | null;
  readonly vswap: boolean;
  readonly disabled: boolean | null;
  readonly vm_overcommit: number;
  readonly netfilter: string | null;
  readonly devnodes: string | null;
  readonly ifname: readonly string[];
  readonly host_ifname: readonly string[];
  readonly mac: readonly string[];
  readonly host_mac: readonly string[];
  readonly gw: readonly string[];
  readonly network: readonly string[];
  readonly uuid: string | null;
  readonly distribution: string | null;
  readonly ha_enable: string | null;
  readonly ha_prio: string | null;
  readonly type: 'ct';
}

type Seen =
  | keyof Counters
  | 'status'
  | 'diskspace'
  | 'diskinodes'
  | 'laverage'
  | 'uptime'
  | 'cputime'
  | 'ioread'
  | 'iowritten';
type Configured = Omit<ContainerInfo, Seen>;
type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What was made of configs that have not changed: a list of a thousand is mostly these. */
const resting = new WeakMap<
  ListedSettings,
  { readonly config: ContainerConfig; readonly info: ContainerInfo }
>();

/** What is known of a container that nobody has looked at, as an object of the caller's own. */
export function atRest(config: ContainerConfig, settings: ListedSettings): Mutable<ContainerInfo> {
  const last = resting.get(settings);
  if (last?.config === config) return { ...last.info };
  const info: ContainerInfo = {
    ...configured(config, settings),
    ...countersOf(settings, undefined),
    ...disksOf(settings, undefined),
    ...{ status: 'stopped', laverage: null, uptime: null, cputime: null, ioread: null, iowritten: null },
  };
  resting.set(settings, { config, info });
  return { ...info };
}

function configured(config: ContainerConfig, settings: ListedSettings): Configured {
  const { name, network, nameservers = [], searchdomains = [] } = config;
  return {
    ctid: config.ctid,
    private: config.privateArea,
    root: config.root,
    mount_opts: settings.texts.MOUNT_OPTS,
    origin_sample: config.sample ?? null,
    hostname: config.hostname ?? null,
    name: name ?? null,
    smart_name: name ?? String(config.ctid),
    description: config.description ?? null,
    ostemplate: config.template ?? null,
    ip: [...network.addresses, ...network.natAddresses].map(formatAddress),
    configured_ip: network.addresses.map(formatAddress),
    nameserver: nameservers === 'inherit' ? ['inherit'] : nameservers,
    searchdomain: searchdomains === 'inherit' ? ['inherit'] : searchdomains,
    ...resourcesOf(settings),
    onboot: config.onboot ?? null,
    bootorder: config.bootorder ?? null,
    autostop: config.autostop,
    layout: formatLayout(config.layout),
    features: switchesOf(config.features),
    capability: switchesOf(config.capabilities),
    vswap: config.ram !== undefined,
    disabled: config.disabled,
    ...networkOf(settings),
    uuid: settings.texts.UUID,
    distribution: settings.texts.DISTRIBUTION,
    ha_enable: settings.texts.HA_ENABLE,
    ha_prio: settings.texts.HA_PRIO,
    type: 'ct',
  };
}

function resourcesOf(settings: ListedSettings) {
  const { cpulimit, cpuunits, cpus, ioprio, iolimit, iopslimit, vm_overcommit, texts } = settings;
  return {
    cpulimit,
    cpuunits,
    cpus: cpus ?? 0,
    cpumask: texts.CPUMASK,
    nodemask: texts.NODEMASK,
    // vzctl's own.
    ioprio: ioprio ?? 4,
    iolimit: iolimit ?? 0n,
    iopslimit: iopslimit ?? 0,
    vm_overcommit: vm_overcommit ?? 0,
    devnodes: texts.DEVNODES,
  };
}

function networkOf({ interfaces, texts }: ListedSettings) {
  const all = (field: 'ifname' | 'host_ifname' | 'mac' | 'host_mac' | 'gw' | 'network'): readonly string[] =>
    interfaces.flatMap((each) => each.get(field) ?? []);
  return {
    netfilter: texts.NETFILTER,
    ifname: all('ifname'),
    host_ifname: all('host_ifname'),
    mac: all('mac'),
    host_mac: all('host_mac'),
    gw: all('gw'),
    network: all('network'),
  };
}

function switchesOf(switches: ReadonlyMap<string, boolean>): Readonly<Record<string, boolean>> | null {
  if (switches.size === 0) return null;
  return Object.fromEntries([...switches].map(([name, on]) => [name.toLowerCase(), on]));
}

const NONE: Held = { held: 0, maxheld: 0, failcnt: 0 };
const WITHOUT_LIMIT: Limit = { barrier: UNLIMITED, limit: UNLIMITED };
/** These two are always counted. */
const ALWAYS: ReadonlySet<string> = new Set(['numproc', 'physpages']);

/** `held`: of a running one. */
export function countersOf(
  { counters }: ListedSettings,
  held: ReadonlyMap<CounterName, Held> | undefined,
): Counters {
  const counter = (name: CounterName): Counter | null => {
    const [limit, now] = [counters.get(name), held?.get(name)];
    if (!limit && !now && !ALWAYS.has(name)) return null;
    const { held: has, maxheld, failcnt } = now ?? NONE;
    const { barrier, limit: most } = limit ?? WITHOUT_LIMIT;
    return { held: has, maxheld, barrier, limit: most, failcnt };
  };
  return Object.fromEntries(COUNTERS.map((name) => [name, counter(name)])) as unknown as Counters;
}

export function disksOf(
  { diskspace, diskinodes }: ListedSettings,
  usage: DiskUsage | undefined,
): Pick<ContainerInfo, 'diskspace' | 'diskinodes'> {
  const counter = (limit: Limit | null, used: bigint | undefined): DiskCounter | null => {
    if (!limit && used === undefined) return null;
    const { barrier, limit: hard } = limit ?? WITHOUT_LIMIT;
    return { usage: used ?? null, softlimit: barrier, hardlimit: hard };
  };
  return {
    diskspace: counter(diskspace, usage && usage.bytes / 1024n),
    diskinodes: counter(diskinodes, usage?.files),
  };
}

/** Of a container whose config is broken. */
export const UNKNOWN = {
  private: null,
  root: null,
  mount_opts: null,
  origin_sample: null,
  hostname: null,
  name: null,
  smart_name: '',
  description: null,
  ostemplate: null,
  ip: [],
  configured_ip: [],
  nameserver: [],
  searchdomain: [],
  ...(Object.fromEntries(COUNTERS.map((name) => [name, null])) as unknown as Counters),
  diskspace: null,
  diskinodes: null,
  cpulimit: null,
  cpuunits: null,
  cpus: 0,
  cpumask: null,
  nodemask: null,
  ioprio: 4,
  iolimit: 0n,
  iopslimit: 0,
  onboot: null,
  bootorder: null,
  autostop: null,
  layout: null,
  features: null,
  capability: null,
  vswap: false,
  disabled: null,
  vm_overcommit: 0,
  netfilter: null,
  devnodes: null,
  ifname: [],
  host_ifname: [],
  mac: [],
  host_mac: [],
  gw: [],
  network: [],
  uuid: null,
  distribution: null,
  ha_enable: null,
  ha_prio: null,
  type: 'ct',
} as const satisfies Partial<ContainerInfo>;
