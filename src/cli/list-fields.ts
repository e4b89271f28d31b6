/** The fields that vzlist can show. */
import type { ContainerInfo } from '../container/host.js';
import type { Counter } from '../container/list.js';
import { CellaError } from '../errors.js';
import type { Field } from './table.js';

type Key = Exclude<keyof ContainerInfo, 'numproc' | 'physpages' | 'uptime'>;

function plain(name: Key, width: number, right = false): Field<ContainerInfo> {
  return {
    name,
    title: name.toUpperCase(),
    width,
    right,
    value: (row) => row[name],
    text: (row) => words(row[name]),
  };
}

function words(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? value.join(' ') : String(value);
}

/** held, .m maxheld, .b barrier, .l limit, .f failcnt; held only of what runs. */
function counter(name: 'numproc' | 'physpages', title: string): readonly Field<ContainerInfo>[] {
  const part = (
    suffix: string,
    tail: string,
    of: (counter: Counter, row: ContainerInfo) => unknown,
  ): Field<ContainerInfo> => ({
    name: `${name}${suffix}`,
    title: `${title}${tail}`,
    width: 10,
    right: true,
    value: (row) => row[name],
    text: (row) => words(row[name] && of(row[name], row)),
  });
  return [
    part('', '', ({ held }, { status }) => (status === 'running' ? held : null)),
    part('.m', '.M', ({ maxheld }) => maxheld),
    part('.b', '.B', ({ barrier }) => barrier),
    part('.l', '.L', ({ limit }) => limit),
    part('.f', '.F', ({ failcnt }) => failcnt),
  ];
}

const uptime: Field<ContainerInfo> = {
  name: 'uptime',
  title: 'UPTIME',
  width: 15,
  right: true,
  value: (row) => (row.uptime === null ? null : Number(row.uptime.toFixed(3))),
  text: ({ uptime: seconds }) => (seconds === null ? '' : span(Math.floor(seconds))),
};

/** 012d03h:04m:05s */
function span(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const days = String(Math.floor(seconds / 86_400)).padStart(3, '0');
  return `${days}d${two(Math.floor(seconds / 3600) % 24)}h:${two(Math.floor(seconds / 60) % 60)}m:${two(seconds % 60)}s`;
}

export const FIELDS: readonly Field<ContainerInfo>[] = [
  { ...plain('ctid', 10, true) },
  plain('private', 32),
  plain('root', 32),
  plain('origin_sample', 32),
  plain('hostname', 32),
  plain('name', 32),
  plain('description', 32),
  plain('ostemplate', 24),
  plain('ip', 15),
  { ...plain('status', 9) },
  ...counter('numproc', 'NPROC'),
  ...counter('physpages', 'PHYSPAGES'),
  uptime,
  plain('onboot', 6),
  plain('bootorder', 10, true),
  plain('layout', 8),
  plain('disabled', 8),
];

const ALIASES: Readonly<Record<string, string>> = { veid: 'ctid', vpsid: 'ctid' };

export function findField(name: string): Field<ContainerInfo> {
  const found = FIELDS.find((field) => field.name === (ALIASES[name] ?? name));
  if (!found)
    throw new CellaError('BAD_OPTION', `unknown field '${name.slice(0, 64)}'`, {
      hint: 'See vzlist -L for those that there are.',
    });
  return found;
}
