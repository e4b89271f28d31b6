/** Network interfaces by rtnetlink (rtnetlink(7), <linux/if_link.h>): made, changed, listed, removed. */
import { closeSync, openSync } from 'node:fs';
import { attribute, nested, readAttributes, readText, text, u8, u32 } from './attributes.js';
import { ask, dump, FLAG, type Message, PROTOCOL, request } from './request.js';

export const [NEWLINK, DELLINK, GETLINK, SETLINK] = [16, 17, 18, 19];

const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  operstate: 16,
  info: 18,
  stats: 23,
  families: 26,
  group: 27,
  namespace: 28,
  protocol: 33,
} as const;
const INFO = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const VETH_PEER = 1;
const BRIDGE_FILTERS_VLANS = 7;
const AF_INET6 = 10;
const ADDR_GEN_MODE = 8;
const NO_ADDRESS = 1;
/** IF_OPER_DORMANT of RFC 2863. */
const DORMANT = 5;

export const UP = 0x1;
export const NOARP = 0x80;
const HEADER = 16;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Six pairs of hexadecimal digits; empty for what has none. */
  readonly mac: string;
  readonly flags: number;
  readonly group: number;
  /** Index of the bridge that it is a port of; 0: none. */
  readonly master: number;
  /** Index of the other end of a pair, in whatever network that is; 0: none. */
  readonly peer: number;
  /** As `veth`; empty for hardware. */
  readonly kind: string;
  /** Whether a bridge tells networks apart by their tags. */
  readonly filtersVlans: boolean;
}

/** What may be said of a new interface or of one that is there. */
export interface LinkSettings {
  readonly mac?: string;
  readonly mtu?: number;
  readonly group?: number;
  /** Index of a bridge; 0: leaves it. */
  readonly master?: number;
  readonly up?: boolean;
  /** Nobody asks at it who has an address. */
  readonly noArp?: boolean;
  /** Whether it gets an IPv6 address by itself. */
  readonly noAddress?: boolean;
  /** Of a new one: not taken to be in operation until its other end is up. */
  readonly dormant?: boolean;
  /** Moves it, by a descriptor. */
  readonly namespace?: number;
}

/** `struct ifinfomsg`. */
export function header({ index = 0, family = 0, flags = 0, change = 0 } = {}): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(change, 12);
  return bytes;
}

/** Six pairs of hexadecimal digits as bytes, and back; nothing of nothing. */
export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');
export const macText = (bytes: Buffer): string => (bytes.toString('hex').match(/../g) ?? []).join(':');

function flagsOf({ up, noArp }: LinkSettings): { flags: number; change: number } {
  const on = (up ? UP : 0) | (noArp ? NOARP : 0);
  const change = (up === undefined ? 0 : UP) | (noArp === undefined ? 0 : NOARP);
  return { flags: on, change };
}

function settings(given: LinkSettings): readonly Buffer[] {
  const { mac, mtu, group, master, noAddress, dormant, namespace } = given;
  return [
    ...(mac === undefined ? [] : [attribute(IFLA.address, macBytes(mac))]),
    ...(mtu === undefined ? [] : [u32(IFLA.mtu, mtu)]),
    ...(group === undefined ? [] : [u32(IFLA.group, group)]),
    ...(master === undefined ? [] : [u32(IFLA.master, master)]),
    ...(noAddress ? [nested(IFLA.families, nested(AF_INET6, u8(ADDR_GEN_MODE, NO_ADDRESS)))] : []),
    ...(dormant ? [u8(IFLA.operstate, DORMANT)] : []),
    ...(namespace === undefined ? [] : [u32(IFLA.namespace, namespace)]),
  ];
}

function create(name: string, given: LinkSettings, kind: string, ...data: readonly Buffer[]): Message {
  const info = nested(
    IFLA.info,
    text(INFO.kind, kind),
    ...(data.length > 0 ? [nested(INFO.data, ...data)] : []),
  );
  return {
    type: NEWLINK,
    flags: FLAG.create | FLAG.exclusive,
    body: Buffer.concat([header(flagsOf(given)), text(IFLA.name, name), ...settings(given), info]),
  };
}

/** Both ends at once. A peer cannot be up yet: it has no other end while it is made. */
export function newVeth(
  name: string,
  given: LinkSettings,
  peer: { readonly name: string } & Omit<LinkSettings, 'up'>,
): Message {
  const other = [header(flagsOf(peer)), text(IFLA.name, peer.name), ...settings(peer)];
  return create(name, given, 'veth', attribute(VETH_PEER | 0x8000, Buffer.concat(other)));
}

export function newBridge(name: string, given: LinkSettings, filtersVlans = false): Message {
  return create(name, given, 'bridge', ...(filtersVlans ? [u8(BRIDGE_FILTERS_VLANS, 1)] : []));
}

export const newIfb = (name: string, given: LinkSettings): Message => create(name, given, 'ifb');

/** On interface `parent`, an index; stations of one parent see each other (MACVLAN_MODE_BRIDGE). */
export function newMacvlan(name: string, given: LinkSettings, parent: number): Message {
  const message = create(name, given, 'macvlan', u32(1, 4));
  return { ...message, body: Buffer.concat([message.body, u32(IFLA.link, parent)]) };
}

type Which = number | string;
const place = (which: Which, flags: { flags?: number; change?: number } = {}): readonly Buffer[] =>
  typeof which === 'number' ? [header({ index: which, ...flags })] : [header(flags), text(IFLA.name, which)];

/** `which`: its index or its name. */
export function setLink(which: Which, given: LinkSettings): Message {
  return { type: SETLINK, body: Buffer.concat([...place(which, flagsOf(given)), ...settings(given)]) };
}

export function renameLink(index: number, name: string): Message {
  return { type: SETLINK, body: Buffer.concat([header({ index }), text(IFLA.name, name)]) };
}

export function deleteLink(which: Which): Message {
  return { type: DELLINK, body: Buffer.concat(place(which)), slow: true };
}

/** All of a group at once, which takes little longer than one. */
export function deleteGroup(group: number): Message {
  return { type: DELLINK, body: Buffer.concat([header(), u32(IFLA.group, group)]), slow: true };
}

export function getLink(which: Which): Message {
  return { type: GETLINK, body: Buffer.concat(place(which)) };
}

export function readLink(body: Buffer): Link {
  const found = readAttributes(body.subarray(HEADER));
  const info = found.get(IFLA.info);
  const about = info && readAttributes(info);
  const kind = readText(about?.get(INFO.kind) ?? Buffer.alloc(0));
  const data = kind === 'bridge' && about?.get(INFO.data);
  const number = (type: number): number => found.get(type)?.readUInt32LE() ?? 0;
  return {
    index: body.readInt32LE(4),
    name: readText(found.get(IFLA.name) ?? Buffer.alloc(0)),
    mac: macText(found.get(IFLA.address) ?? Buffer.alloc(0)),
    flags: body.readUInt32LE(8),
    group: number(IFLA.group),
    master: number(IFLA.master),
    peer: number(IFLA.link),
    kind,
    filtersVlans: data ? readAttributes(data).get(BRIDGE_FILTERS_VLANS)?.[0] === 1 : false,
  };
}

export async function listLinks(namespace = -1): Promise<readonly Link[]> {
  const found = await dump(PROTOCOL.route, { type: GETLINK, body: header() }, { namespace });
  return found.map(({ body }) => readLink(body));
}

/** Bytes that have passed through an interface, as its host sees it. */
export interface LinkTraffic {
  readonly received: bigint;
  readonly sent: bigint;
}

/** Of all interfaces by name, in one look. */
export async function linkTraffic(): Promise<ReadonlyMap<string, LinkTraffic>> {
  const found = await dump(PROTOCOL.route, { type: GETLINK, body: header() });
  return new Map(
    found.flatMap(({ body }): [string, LinkTraffic][] => {
      const attributes = readAttributes(body.subarray(HEADER));
      const [name, stats] = [attributes.get(IFLA.name), attributes.get(IFLA.stats)];
      // struct rtnl_link_stats64: packets received and sent, then bytes.
      if (!name || !stats) return [];
      return [[readText(name), { received: stats.readBigUInt64LE(16), sent: stats.readBigUInt64LE(24) }]];
    }),
  );
}

/** Undefined where there is none. */
export async function findLink(which: Which, namespace = -1): Promise<Link | undefined> {
  const [found] = await ask(PROTOCOL.route, [getLink(which)], { namespace, accept: ['ENODEV'] });
  const answer = found?.answers[0];
  return answer && readLink(answer.body);
}

/** Nobody's but while `removeLinks` collects what it removes. */
const REMOVED = 0xce11b;

/** All of them at once, of whatever group: little slower than one. What is not there is fine. */
export async function removeLinks(names: readonly string[], namespace = -1): Promise<void> {
  const collected = names.map((name) => setLink(name, { group: REMOVED }));
  await request(PROTOCOL.route, [...collected, deleteGroup(REMOVED)], { namespace, accept: ['ENODEV'] });
}

/** The loopback interface of a process's network, which has been made without anybody to do so. */
export async function raiseLoopback(pid: number): Promise<void> {
  const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
  try {
    await request(PROTOCOL.route, [setLink('lo', { up: true })], { namespace });
  } finally {
    closeSync(namespace);
  }
}
