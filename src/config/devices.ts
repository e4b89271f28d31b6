/** Devices that a container may use: DEVNODES, DEVICES, PCI, NETDEV. */
import { list } from './value-type.js';
import { bad } from './values.js';

/** What may be done with a device: letters of `rwq`, in that order; `q`, quotas, has no meaning here. */
export type DeviceMode = string;

export interface DevNode {
  /** Below /dev, as `net/tun`. */
  readonly name: string;
  readonly mode: DeviceMode;
}

export interface DeviceRule {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number | 'all';
  readonly mode: DeviceMode;
}

const NONE = 'none';

export const DEVNODES = list('DEVICE:MODE|none', parseDevNode, ({ name, mode }) => `${name}:${mode}`, {
  itemsOf: /[\s,]+/,
  keyOf: (item) => item.slice(0, item.lastIndexOf(':')),
  isNone: (item) => item.endsWith(`:${NONE}`),
});

export const DEVICES = list(
  'b|c:MAJOR:MINOR|all:MODE|none',
  parseDevice,
  ({ type, major, minor, mode }) => `${type}:${major}:${minor}:${mode}`,
  {
    itemsOf: /[\s,]+/,
    keyOf: (item) => item.slice(0, item.lastIndexOf(':')),
    isNone: (item) => item.endsWith(`:${NONE}`),
  },
);

/** Saved as `0000:00:1f.2`. */
export const PCI = list('[DOMAIN:]BUS:SLOT.FUNC', parsePci, (address) => address, { itemsOf: /[\s,]+/ });

export const NETDEV = list('NAME', parseInterfaceName, (name) => name, { split: /[\s,]+/ });

function parseDevNode(text: string): DevNode {
  const [, name = '', mode = ''] =
    /^(?:\/dev\/)?([A-Za-z0-9_.+-][A-Za-z0-9_.+/-]*):([a-z]+)$/.exec(text) ?? [];
  const parts = name.split('/');
  if (name === '' || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw bad('BAD_VALUE', 'DEVICE:MODE expected', text);
  return { name, mode: parseMode(mode, text) };
}

function parseDevice(text: string): DeviceRule {
  const [, type, major, minor, mode = ''] =
    /^([bc]):([0-9]{1,4}):([0-9]{1,7}|all):([a-z]+)$/.exec(text) ?? [];
  if (type === undefined || Number(major) > MAX_MAJOR || Number(minor) > MAX_MINOR)
    throw bad('BAD_VALUE', 'b or c, MAJOR, MINOR or all, and MODE expected', text);
  return {
    type: type as 'b' | 'c',
    major: Number(major),
    minor: minor === 'all' ? minor : Number(minor),
    mode: parseMode(mode, text),
  };
}

/** Of 12 and 20 bits (makedev(3)). */
const MAX_MAJOR = 4095;
const MAX_MINOR = 1_048_575;

function parseMode(text: string, whole: string): DeviceMode {
  const letters = [...'rwq'].filter((letter) => text.includes(letter)).join('');
  if (text === NONE) return text;
  if (letters === '' || letters.length !== text.length)
    throw bad('BAD_VALUE', 'a mode is some of the letters r, w, q, or none', whole);
  return letters;
}

function parsePci(text: string): string {
  const [, domain = '0000', bus, slot, func] =
    /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,2}):([01]?[0-9a-f])\.([0-7])$/i.exec(text) ?? [];
  if (bus === undefined) throw bad('BAD_VALUE', 'bad PCI address', text);
  return `${domain.padStart(4, '0')}:${bus.padStart(2, '0')}:${slot?.padStart(2, '0')}.${func}`.toLowerCase();
}

/** What the kernel takes (dev_valid_name), of printable ASCII that a config file can hold. */
export function parseInterfaceName(text: string): string {
  if (!/^[A-Za-z0-9_.+@-]{1,15}$/.test(text) || text === '.' || text === '..')
    throw bad('BAD_VALUE', 'bad interface name', text);
  return text;
}
