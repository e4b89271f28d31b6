/** NETIF: a container's network interfaces, as `ifname=eth0,mac=…;ifname=eth1,…`. */
import { formatAddress, parseAddress, parseHost, parseMac } from './address.js';
import { parseInterfaceName } from './devices.js';
import { type ListRules, list, type ValueType } from './value-type.js';
import { bad, parseName, parseWord } from './values.js';

/** By name of the field; `ifname` is always there, `ip` holds addresses between spaces. */
export type Interface = ReadonlyMap<InterfaceField, string>;

const onOff = (text: string): string => parseWord(text, ['on', 'off'] as const);
const yesNo = (text: string): string => parseWord(text, ['yes', 'no'] as const);
const gateway = (text: string): string => (text === 'none' || text === '' ? text : parseHost(text));

/** How each field is checked, in the order in which they are saved. */
const FIELDS = {
  ifname: parseInterfaceName,
  bridge: (text: string) => (text === '' ? '' : parseInterfaceName(text)),
  mac: parseMac,
  host_ifname: parseInterfaceName,
  host_mac: parseMac,
  mac_filter: onOff,
  ip_filter: onOff,
  type: (text: string) => parseWord(text, ['routed', 'bridged'] as const),
  network: parseName,
  gw: gateway,
  gw6: gateway,
  ip: (text: string) =>
    text
      .split(/\s+/)
      .filter(Boolean)
      .map((item) => formatAddress(parseAddress(item)))
      .join(' '),
  dhcp: yesNo,
  dhcp6: yesNo,
  configure: (text: string) => parseWord(text, ['all', 'none'] as const),
} as const satisfies Record<string, (text: string) => string>;

export type InterfaceField = keyof typeof FIELDS;

/** The fields of `--netif_add`, by place. */
const PLACES: readonly InterfaceField[] = ['ifname', 'mac', 'host_ifname', 'host_mac', 'bridge'];

const RULES: Partial<ListRules> & { readonly itemsOf: RegExp } = {
  separator: ';',
  split: /\s*;\s*/,
  itemsOf: /\s*;\s*/,
  keyOf: (item) => parseInterface(item).get('ifname') ?? '',
  key: parseInterfaceName,
  merge: (item, change) => formatInterface(new Map([...parseInterface(item), ...parseInterface(change)])),
};

export const NETIF: ValueType<readonly Interface[]> = list(
  'IFNAME[,MAC,HOST_IFNAME,HOST_MAC,BRIDGE]',
  parseInterface,
  formatInterface,
  RULES,
);

/** `name=value,…`, or the values of `--netif_add` by place. */
function parseInterface(text: string): Interface {
  const parts = text.split(',');
  const given = parts.map((part, index): readonly [string, string] => {
    const at = part.indexOf('=');
    return at < 0 ? [PLACES[index] ?? '', part] : [part.slice(0, at), part.slice(at + 1)];
  });
  const fields = new Map<InterfaceField, string>();
  for (const [name, value] of given) {
    if (!isField(name)) throw bad('BAD_VALUE', 'unknown field of a network interface', name || text);
    if (value !== '') fields.set(name, FIELDS[name](value));
  }
  if (!fields.has('ifname')) throw bad('BAD_VALUE', 'a network interface needs a name', text);
  return fields;
}

/** One field with its name, as an option of an interface gives it; throws a CellaError. */
export function formatField(name: InterfaceField, value: string): string {
  return `${name}=${FIELDS[name](value)}`;
}

function formatInterface(fields: Interface): string {
  const names = Object.keys(FIELDS) as InterfaceField[];
  return names.flatMap((name) => (fields.has(name) ? [`${name}=${fields.get(name)}`] : [])).join(',');
}

function isField(name: string): name is InterfaceField {
  return Object.hasOwn(FIELDS, name);
}
