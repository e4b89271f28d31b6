/** The fields that vzlist can show. */
import { COUNTERS, type CounterName } from '../config/listed-settings.js';
import type { ContainerInfo, Counter, Detail, DiskCounter } from '../container/host.js';
import { CellaError } from '../errors.js';
import type { Field } from './table.js';

/** What finding it out takes, and what it is sorted by. */
export interface ListField extends Field<ContainerInfo> {
  readonly detail?: Detail;
  order(row: ContainerInfo): Order;
}

/** Null comes first. */
export type Order = string | number | bigint | null;

type Words = { readonly [Key in keyof ContainerInfo]: string };
type Shape = Partial<Pick<ListField, 'right' | 'trim' | 'detail' | 'title'>>;

function plain(name: keyof Words, width: number, shape: Shape = {}): ListField {
  const value = (row: ContainerInfo): unknown => row[name];
  return {
    name,
    title: name.toUpperCase(),
    width,
    right: false,
    value,
    text: (row) => words(value(row)),
    order: (row) => orderOf(value(row)),
    ...shape,
  };
}

const number = (name: keyof Words, width: number, shape: Shape = {}): ListField =>
  plain(name, width, { right: true, ...shape });

function words(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([key, on]) => `${key}:${on ? 'on' : 'off'}`)
    .join(',');
}

function orderOf(value: unknown): Order {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return words(value) || null;
}

/** By suffix: none, the whole; .m and the like are parts of it. */
type Parts<T> = readonly (readonly [suffix: string, of: (whole: T, row: ContainerInfo) => Order])[];

function parted<T>(
  name: keyof Words,
  width: number,
  detail: Detail,
  title: string,
  parts: Parts<T>,
): readonly ListField[] {
  return parts.map(([suffix, of]) => {
    const order = (row: ContainerInfo): Order => {
      const whole = row[name] as T | null;
      return whole === null ? null : of(whole, row);
    };
    return {
      name: `${name}${suffix}`,
      title: `${title}${suffix.toUpperCase()}`,
      width,
      right: true,
      detail,
      value: (row) => row[name],
      text: (row) => words(order(row)),
      order,
    };
  });
}

/** What is held only of what runs. */
const COUNTER_PARTS: Parts<Counter> = [
  ['', ({ held }, { status }) => (status === 'running' ? held : null)],
  ['.m', ({ maxheld }) => maxheld],
  ['.b', ({ barrier }) => barrier],
  ['.l', ({ limit }) => limit],
  ['.f', ({ failcnt }) => failcnt],
];

const DISK_PARTS: Parts<DiskCounter> = [
  ['', ({ usage }) => usage],
  ['.s', ({ softlimit }) => softlimit],
  ['.h', ({ hardlimit }) => hardlimit],
];

function counter(name: CounterName): readonly ListField[] {
  return parted(name, 10, name, name === 'numproc' ? 'NPROC' : name.toUpperCase(), COUNTER_PARTS);
}

const uptime: ListField = {
  ...number('uptime', 15),
  value: ({ uptime: seconds }) => (seconds === null ? null : Number(seconds.toFixed(3))),
  text: ({ uptime: seconds }) => (seconds === null ? '' : span(Math.floor(seconds))),
};

/** 012d03h:04m:05s */
function span(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const days = String(Math.floor(seconds / 86_400)).padStart(3, '0');
  return `${days}d${two(Math.floor(seconds / 3600) % 24)}h:${two(Math.floor(seconds / 60) % 60)}m:${two(seconds % 60)}s`;
}

const laverage: ListField = {
  ...number('laverage', 14, { detail: 'load' }),
  text: ({ laverage: averages }) => averages?.map((average) => average.toFixed(2)).join('/') ?? '',
  order: ({ laverage: averages }) => averages?.[0] ?? null,
};

const cputime: ListField = {
  ...number('cputime', 10, { detail: 'used' }),
  value: ({ cputime: seconds }) => (seconds === null ? null : Number(seconds.toFixed(3))),
  text: ({ cputime: seconds }) => seconds?.toFixed(1) ?? '',
};

const LONG: Shape = { trim: true };

export const FIELDS: readonly ListField[] = [
  number('ctid', 10),
  plain('private', 32),
  plain('root', 32),
  plain('mount_opts', 16, LONG),
  plain('origin_sample', 32),
  plain('hostname', 32, LONG),
  plain('name', 32, LONG),
  { ...plain('smart_name', 32, LONG), title: 'SMARTNAME' },
  plain('description', 32, LONG),
  plain('ostemplate', 24),
  plain('ip', 15, LONG),
  plain('nameserver', 15, LONG),
  plain('searchdomain', 32, LONG),
  plain('status', 9),
  ...COUNTERS.flatMap(counter),
  ...parted('diskspace', 10, 'disk', 'DSPACE', DISK_PARTS),
  ...parted('diskinodes', 10, 'disk', 'DINODES', DISK_PARTS),
  laverage,
  uptime,
  cputime,
  number('ioread', 12, { detail: 'used' }),
  number('iowritten', 12, { detail: 'used' }),
  number('cpulimit', 7),
  number('cpuunits', 8),
  number('cpus', 5),
  plain('cpumask', 12, LONG),
  plain('nodemask', 12, LONG),
  number('ioprio', 6),
  number('iolimit', 10),
  number('iopslimit', 10),
  plain('onboot', 6),
  number('bootorder', 10),
  plain('autostop', 8),
  plain('layout', 8),
  plain('features', 15, LONG),
  plain('capability', 15, LONG),
  plain('vswap', 5),
  plain('disabled', 8),
  number('vm_overcommit', 13),
  plain('netfilter', 10),
  plain('devnodes', 15, LONG),
  plain('configured_ip', 15, LONG),
  plain('ifname', 8, LONG),
  plain('host_ifname', 12, LONG),
  { ...plain('host_ifname', 12, LONG), name: 'netif', title: 'NETIF' },
  plain('mac', 17, LONG),
  plain('host_mac', 17, LONG),
  plain('gw', 15, LONG),
  plain('network', 15, LONG),
  plain('uuid', 36),
  plain('distribution', 12),
  plain('ha_enable', 9),
  plain('ha_prio', 7),
  plain('type', 4),
];

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['veid', 'ctid'],
  ['vpsid', 'ctid'],
]);
const BY_NAME: ReadonlyMap<string, ListField> = new Map(FIELDS.map((field) => [field.name, field]));

export function findField(name: string): ListField {
  const found = BY_NAME.get(ALIASES.get(name) ?? name);
  if (found) return found;
  throw new CellaError('BAD_OPTION', `unknown field '${name.slice(0, 64)}'`, {
    hint: 'See vzlist -L for those that there are.',
  });
}

/** Numbers by their value, words as people sort them, what is missing first. */
export function compareOrders(a: Order, b: Order): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === 'string' || typeof b === 'string') return COLLATOR.compare(String(a), String(b));
  return a < b ? -1 : Number(a > b);
}

/** Made once: comparing by locale without it makes one for each pair. */
const COLLATOR = new Intl.Collator('en', { numeric: true });
