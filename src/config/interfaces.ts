/** NETIF: a container's network interfaces, as `ifname=eth0,mac=…;ifname=eth1,…`. */
import { type Address, formatAddress, parseAddress, parseHost, parseMac } from './address.js';
import { expectDifferent } from './addresses.js';
import { parseInterfaceName } from './devices.js';
import { expectUnicast } from './networks.js';
import { checked, type ListRules, list, type ValueType } from './value-type.js';
import { bad, parseName, parseWhole, parseWord } from './values.js';

/** By name of the field; `ifname` is always there, `ip` and `trunks` hold items between spaces. */
export type Interface = ReadonlyMap<InterfaceField, string>;

const onOff = (text: string): string => parseWord(text, ['on', 'off'] as const);
const yesNo = (text: string): string => parseWord(text, ['yes', 'no'] as const);
const gateway =
  (family: 4 | 6) =>
  (text: string): string => {
    if (text === 'none' || text === '') return text;
    const host = parseHost(text);
    if (parseAddress(host).family !== family)
      throw bad('BAD_ADDRESS', `an address of IPv${family} expected`, text);
    return host;
  };
const items =
  (each: (item: string) => string) =>
  (text: string): string =>
    text
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(each)
      .join(' ');

/** How each field is checked, in the order in which they are saved. */
const FIELDS = {
  ifname: parseInterfaceName,
  bridge: (text: string) => (text === '' ? '' : parseInterfaceName(text)),
  mac: parseMac,
  host_ifname: parseInterfaceName,
  host_mac: parseMac,
  mac_filter: onOff,
  ip_filter: onOff,
  type: (text: string) => parseWord(text, ['routed', 'bridged', 'macvlan'] as const),
  network: parseName,
  gw: gateway(4),
  gw6: gateway(6),
  ip: items((item) => formatAddress(expectUnicast(parseAddress(item)))),
  dhcp: yesNo,
  dhcp6: yesNo,
  configure: (text: string) => parseWord(text, ['all', 'none'] as const),
  isolated: yesNo,
  vlan: (text: string) => (text === 'none' ? '' : String(parseVlan(text))),
  trunks: (text: string) => (text === 'none' ? '' : items(parseTrunk)(text)),
} as const satisfies Record<string, (text: string) => string>;

export type InterfaceField = keyof typeof FIELDS;

/** Changes of the list `ip`, which are never saved as such. */
export type InterfaceChange = 'ip_add' | 'ip_del';

/** The fields of `--netif_add`, by place. */
const PLACES: readonly InterfaceField[] = ['ifname', 'mac', 'host_ifname', 'host_mac', 'bridge'];

const RULES: Partial<ListRules> & { readonly itemsOf: RegExp } = {
  separator: ';',
  split: /\s*;\s*/,
  itemsOf: /\s*;\s*/,
  keyOf: (item) => partsOf(item).find(([name]) => name === 'ifname')?.[1] ?? '',
  key: parseInterfaceName,
  merge: (item, change) => formatInterface(changed(parseInterface(item), partsOf(change))),
};

export const NETIF: ValueType<readonly Interface[]> = checked(
  list('IFNAME[,MAC,HOST_IFNAME,HOST_MAC,BRIDGE]', parseInterface, formatInterface, RULES),
  (interfaces) => {
    expectSingle(interfaces, ['ifname'], 'there are two interfaces of that name');
    expectSingle(interfaces, ['host_ifname'], 'two interfaces have that name on the host');
    expectSingle(interfaces, ['mac', 'host_mac'], 'a hardware address is there twice');
    expectDifferent(interfaces.flatMap((each) => addressesOf(each)));
    const lost = interfaces.find((each) => each.get('type') === 'macvlan' && !each.get('bridge'));
    if (lost)
      throw bad(
        'BAD_VALUE',
        'a macvlan needs the interface of the host that it is on (bridge)',
        lost.get('ifname') ?? '',
      );
  },
);

/** One field with its name, as an option of an interface gives it; throws a CellaError. */
export function formatField(name: InterfaceField, value: string): string {
  return `${name}=${FIELDS[name](value)}`;
}

/** Addresses to be added or taken away, in the same form. */
export function formatChange(name: InterfaceChange, value: string): string {
  if (name === 'ip_add') return `${name}=${FIELDS.ip(value)}`;
  return `${name}=${value === 'all' ? value : parseAddress(value).address}`;
}

const UNIQUE: readonly InterfaceField[] = ['mac', 'host_ifname', 'host_mac', 'ip'];

/** A saved list without names on the host, hardware addresses and addresses; what cannot be read stays. */
export function anonymous(saved: string): string {
  const each = (item: string): string => {
    try {
      const fields = new Map(parseInterface(item));
      for (const name of UNIQUE) fields.delete(name);
      return formatInterface(fields);
    } catch {
      return item;
    }
  };
  return saved
    .split(/\s*;\s*/)
    .filter(Boolean)
    .map(each)
    .join(';');
}

export function addressesOf(each: Interface): readonly Address[] {
  return (each.get('ip') ?? '').split(' ').filter(Boolean).map(parseAddress);
}

/** The numbers of VLANs, in order. */
export function trunksOf(each: Interface): readonly number[] {
  const numbers = (each.get('trunks') ?? '')
    .split(' ')
    .filter(Boolean)
    .flatMap((trunk) => {
      const [first = 0, last = first] = trunk.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    });
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

/** `name=value,…`, or the values of `--netif_add` by place. */
function partsOf(text: string): readonly (readonly [name: string, value: string])[] {
  return text.split(',').map((part, index): readonly [string, string] => {
    const at = part.indexOf('=');
    return at < 0 ? [PLACES[index] ?? '', part] : [part.slice(0, at), part.slice(at + 1)];
  });
}

function parseInterface(text: string): Interface {
  const fields = new Map<InterfaceField, string>();
  for (const [name, value] of partsOf(text)) {
    if (!isField(name)) throw bad('BAD_VALUE', 'unknown field of a network interface', name || text);
    if (value !== '') fields.set(name, FIELDS[name](value));
  }
  if (!fields.has('ifname')) throw bad('BAD_VALUE', 'a network interface needs a name', text);
  return fields;
}

/** An empty value takes the field away. */
function changed(before: Interface, changes: ReturnType<typeof partsOf>): Interface {
  const fields = new Map(before);
  for (const [name, value] of changes) {
    if (name === 'ip_add' || name === 'ip_del') fields.set('ip', changedAddresses(fields, name, value));
    else if (isField(name)) fields.set(name, value === '' ? '' : FIELDS[name](value));
  }
  return fields;
}

function changedAddresses(fields: Interface, change: InterfaceChange, value: string): string {
  if (value === 'all') return '';
  const given = value.split(' ').map(parseAddress);
  const others = addressesOf(fields).filter(({ address }) => !given.some((one) => one.address === address));
  return [...others, ...(change === 'ip_add' ? given : [])].map(formatAddress).join(' ');
}

function formatInterface(fields: Interface): string {
  const names = Object.keys(FIELDS) as InterfaceField[];
  return names.flatMap((name) => (fields.get(name) ? [`${name}=${fields.get(name)}`] : [])).join(',');
}

function isField(name: string): name is InterfaceField {
  return Object.hasOwn(FIELDS, name);
}

function parseVlan(text: string): number {
  return parseWhole(text, 4094, 'a VLAN from 1 to 4094 expected', 1);
}

function parseTrunk(text: string): string {
  const [low = '', high = low, ...rest] = text.split('-');
  const [first, last] = [parseVlan(low), parseVlan(high)];
  if (rest.length > 0 || first > last)
    throw bad('BAD_VALUE', 'VLANs from a lower to a higher one expected', text);
  return first === last ? String(first) : `${first}-${last}`;
}

/** Throws BAD_VALUE for a value that is there twice, of one field or of several. */
function expectSingle(
  interfaces: readonly Interface[],
  names: readonly InterfaceField[],
  complaint: string,
): void {
  const values = interfaces.flatMap((each) => names.flatMap((name) => each.get(name) || []));
  const second = values.find((value, at) => values.indexOf(value) < at);
  if (second !== undefined) throw bad('BAD_VALUE', complaint, second);
}
