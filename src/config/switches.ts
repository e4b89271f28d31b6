/** Lists of NAME:on and NAME:off, CAPABILITY and FEATURES, and the levels of NETFILTER. */
import { list, type ValueType, words } from './value-type.js';
import { bad } from './values.js';

interface Switch {
  readonly name: string;
  readonly on: boolean;
}

/** By number (linux/capability.h), without CAP_. */
export const CAPABILITY_NAMES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

/** OpenVZ's own, which mainline has not. */
const FOREIGN_CAPABILITIES = ['VE_ADMIN', 'SETVEID'] as const;

export const FEATURE_NAMES = [
  'nesting',
  'fuse',
  'tun',
  'nfs',
  'nfsd',
  'time',
  'ppp',
  'sit',
  'ipip',
  'ipgre',
  'bridge',
  'sysfs',
] as const;

export type CapabilityName = (typeof CAPABILITY_NAMES)[number] | (typeof FOREIGN_CAPABILITIES)[number];
export type FeatureName = (typeof FEATURE_NAMES)[number];

export const CAPABILITY = switches<CapabilityName>(
  [...CAPABILITY_NAMES, ...FOREIGN_CAPABILITIES],
  'capability',
  (name) => name.toUpperCase().replace(/^CAP_/, ''),
);
export const FEATURES = switches<FeatureName>(FEATURE_NAMES, 'feature', (name) => name.toLowerCase());

export const NETFILTER = words('disabled', 'stateless', 'stateful', 'full');
export type NetfilterLevel = ReturnType<typeof NETFILTER.parse>;

/** The last word on each name counts. */
function switches<T extends string>(
  names: readonly T[],
  what: string,
  canonical: (name: string) => string,
): ValueType<ReadonlyMap<T, boolean>> {
  const parseItem = (text: string): Switch => {
    const [, given = '', state] = /^([A-Za-z0-9_]+):(on|off)$/.exec(text) ?? [];
    if (state === undefined) throw bad('BAD_VALUE', 'NAME:on or NAME:off expected', text);
    const name = canonical(given);
    if (!(names as readonly string[]).includes(name)) throw bad('BAD_VALUE', `unknown ${what}`, given);
    return { name, on: state === 'on' };
  };
  const format = ({ name, on }: Switch): string => `${name}:${on ? 'on' : 'off'}`;
  const keyOf = (item: string): string => item.split(':')[0] ?? '';
  const type = list('NAME:on|off[,…]', parseItem, format, { split: /[\s,]+/, keyOf });
  return { ...type, parse: (text) => new Map(type.parse(text).map(({ name, on }) => [name as T, on])) };
}
