/** Routes by rtnetlink (rtnetlink(7), <linux/rtnetlink.h>), those of the main table. */
import { familyNumber, fromBytes, toBytes } from './addresses.js';
import { attribute, readAttributes, u32 } from './attributes.js';
import { ask, dump, FLAG, type Message, PROTOCOL } from './request.js';

const [NEWROUTE, DELROUTE, GETROUTE] = [24, 25, 26];
const RTA = { destination: 1, oif: 4, gateway: 5, priority: 6, source: 7, table: 15 } as const;
const [MAIN, LOCAL_TABLE] = [254, 255];
const [OF_KERNEL, STATIC] = [2, 4];
const [UNICAST, LOCAL, MULTICAST] = [1, 2, 5];
const SCOPE = { universe: 0, link: 253 } as const;
const ONLINK = 0x4;
/** RTM_F_FIB_MATCH: the table's entry, rather than what becomes of a packet. */
const FIB_MATCH = 0x2000;
const HEADER = 12;

export interface Route {
  readonly family: 4 | 6;
  /** Null: everything. */
  readonly destination: { readonly address: string; readonly prefix: number } | null;
  /** Index of the interface. */
  readonly oif: number;
  /** Reached through the interface whatever its addresses are; absent: who is there is asked itself. */
  readonly gateway?: string;
  /** What is sent from here along it, unless a program says otherwise. */
  readonly source?: string;
}

/** EEXIST where there is one to the same destination. */
export function newRoute(route: Route): Message {
  return { ...change(NEWROUTE, route), flags: FLAG.create | FLAG.exclusive };
}

/** Takes the place of one to the same destination. */
export function replaceRoute(route: Route): Message {
  return { ...change(NEWROUTE, route), flags: FLAG.create | FLAG.replace };
}

export function deleteRoute(route: Route): Message {
  return change(DELROUTE, route);
}

/** The one to all groups of IPv6 that Linux gives each interface that is up. ESRCH: it has none. */
export function deleteGroupRoute(oif: number): Message {
  const header = Buffer.alloc(HEADER);
  header.set([familyNumber(6), 8, 0, 0, LOCAL_TABLE, OF_KERNEL, SCOPE.universe, MULTICAST]);
  const body = Buffer.concat([header, attribute(RTA.destination, toBytes('ff00::')), u32(RTA.oif, oif)]);
  return { type: DELROUTE, body };
}

function change(type: number, { family, destination, oif, gateway, source }: Route): Message {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(destination?.prefix ?? 0, 1);
  header.writeUInt8(MAIN, 4);
  header.writeUInt8(STATIC, 5);
  header.writeUInt8(gateway === undefined && family === 4 ? SCOPE.link : SCOPE.universe, 6);
  header.writeUInt8(UNICAST, 7);
  header.writeUInt32LE(gateway === undefined ? 0 : ONLINK, 8);
  const attributes = [
    ...(destination ? [attribute(RTA.destination, toBytes(destination.address))] : []),
    u32(RTA.oif, oif),
    ...(gateway === undefined ? [] : [attribute(RTA.gateway, toBytes(gateway))]),
    ...(source === undefined ? [] : [attribute(RTA.source, toBytes(source))]),
  ];
  return { type, body: Buffer.concat([header, ...attributes]) };
}

/** Of the main table. */
export async function listRoutes(namespace = -1): Promise<readonly Route[]> {
  const found = await dump(PROTOCOL.route, { type: GETROUTE, body: Buffer.alloc(HEADER) }, { namespace });
  return found.flatMap(({ body }) => (body.readUInt8(4) === MAIN ? readRoute(body) : []));
}

/**
 * The host's own IPv4 addresses, by the routes to itself: unlike a list of addresses it takes no longer where there are
 * ten thousand interfaces that have none.
 */
export async function listLocal4(): Promise<readonly string[]> {
  const body = Buffer.alloc(HEADER);
  body.writeUInt8(familyNumber(4), 0);
  body.writeUInt8(LOCAL_TABLE, 4);
  body.writeUInt8(LOCAL, 7);
  const found = await dump(PROTOCOL.route, { type: GETROUTE, body });
  return found
    .flatMap((answer) => readRoute(answer.body))
    .flatMap(({ destination }) => (destination?.prefix === 32 ? [destination.address] : []));
}

type Destination = { readonly family: 4 | 6; readonly address: string };

/** The entry of the table that leads to an address; undefined where there is none. */
export async function findRoute(
  { family, address }: Destination,
  namespace = -1,
): Promise<Route | undefined> {
  const bytes = toBytes(address);
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(bytes.length * 8, 1);
  header.writeUInt32LE(FIB_MATCH, 8);
  const message = { type: GETROUTE, body: Buffer.concat([header, attribute(RTA.destination, bytes)]) };
  const accept = ['ENETUNREACH', 'EHOSTUNREACH', 'ESRCH'];
  const [found] = await ask(PROTOCOL.route, [message], { namespace, accept });
  return found?.answers.flatMap(({ body }) => readRoute(body))[0];
}

/** The route to exactly this address. */
export async function findHostRoute(destination: Destination, namespace = -1): Promise<Route | undefined> {
  const route = await findRoute(destination, namespace);
  return route?.destination?.prefix === toBytes(destination.address).length * 8 ? route : undefined;
}

function readRoute(body: Buffer): readonly Route[] {
  const found = readAttributes(body.subarray(HEADER));
  const [family, prefix] = [body.readUInt8(0) === familyNumber(4) ? 4 : 6, body.readUInt8(1)] as const;
  const oif = found.get(RTA.oif)?.readUInt32LE();
  if (oif === undefined) return [];
  const destination = found.get(RTA.destination);
  const [gateway, source] = [found.get(RTA.gateway), found.get(RTA.source)];
  return [
    {
      family,
      destination: destination ? { address: fromBytes(destination), prefix } : null,
      oif,
      ...(gateway ? { gateway: fromBytes(gateway) } : {}),
      ...(source ? { source: fromBytes(source) } : {}),
    },
  ];
}
