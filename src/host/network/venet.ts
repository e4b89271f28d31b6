/**
 * Routed links: a pair of interfaces with one hardware address, at which nobody asks who has an address.
 *
 * A device without ARP is sent frames to its own address (arp_constructor() and ndisc_constructor() of Linux), so both
 * ends having the same one spares them any neighbour table, and what a guest floods them with goes nowhere.
 */
import { CellaError } from '../../errors.js';
import type { RoutedAddress, VenetPlan } from '../../plan/network/network-plan.js';
import { deleteAddress, newAddress } from '../netlink/addresses.js';
import { findLink, getLink, type Link, type LinkSettings, newVeth, setLink } from '../netlink/links.js';
import { expectDone, type Message, NetlinkError, PROTOCOL, request, send } from '../netlink/request.js';
import {
  deleteGroupRoute,
  deleteRoute,
  findHostRoute,
  newRoute,
  type Route,
  replaceRoute,
} from '../netlink/routes.js';
import { expectLink, makePair } from './pair.js';

/** All interfaces of ours on the host are in this device group, by which the packet filter knows them. */
export const GROUP = 0xce11a;
/** In the container. */
export const VENET = 'venet0';
/** Nobody has them: what is sent there arrives at the other end of the link. */
export const GATEWAY = { 4: '169.254.0.1', 6: 'fe80::1' } as const;

const wholeLength = ({ family }: RoutedAddress): number => (family === 4 ? 32 : 128);
const isOf = (family: 4 | 6) => (at: RoutedAddress) => at.family === family;

/**
 * Makes the link between this host and the network namespace of a descriptor, with routes to the addresses. Fails with
 * IP_IN_USE, naming who has an address; what it made until then `detachVenet` takes away. `held`: nothing passes yet.
 */
export async function attachVenet(plan: VenetPlan, namespace: number, held = false): Promise<void> {
  const { index, peer } = await makeLink(plan, namespace, held);
  const messages = [
    setLink(peer, { up: true }),
    ...plan.addresses.map((at) => newAddress(peer, whole(at))),
    ...defaultRoutes(plan.addresses, peer),
  ];
  await request(PROTOCOL.route, messages, { namespace });
  if (!held) await open(plan.addresses, index);
}

/** Returns the host's end; `held`: which is down. */
async function makeLink({ hostName, mac }: VenetPlan, namespace: number, held: boolean): Promise<Link> {
  const common = { mac, noArp: true } as const;
  const { done, link } = await makePair(hostName, [
    // Linux looks at each of the host's IPv6 routes when a link comes up that it takes to be in operation, as it does
    // one of which nothing is known: so this costs one such look, later, rather than two.
    newVeth(hostName, { ...common, group: GROUP, dormant: true }, { ...common, name: VENET, namespace }),
    // A host without IPv6 refuses that.
    setLink(hostName, { noAddress: true }),
    setLink(hostName, { up: !held }),
  ]);
  expectDone(done.filter((_, at) => at !== 1));
  return expectLink(link, hostName);
}

/**
 * Has the host's end be up, with routes to the addresses. Linux gives it one to all groups of IPv6 when it sees that the
 * other end is up as well, for which it looks when it is asked: nobody makes use of that route here, and each one there is
 * costs a look whenever any link comes or goes. `more`: to be set besides.
 */
async function open(
  addresses: readonly RoutedAddress[],
  index: number,
  more: LinkSettings = {},
): Promise<void> {
  const before = [setLink(index, { ...more, up: true }), getLink(index)];
  await addRoutes(addresses, index, { before, after: [deleteGroupRoute(index)] });
}

const whole = (at: RoutedAddress) => ({ ...at, prefix: wholeLength(at) });

function hostRoute(at: RoutedAddress, oif: number): Route {
  return { family: at.family, destination: whole(at), oif };
}

function defaultRoutes(addresses: readonly RoutedAddress[], oif: number): readonly Message[] {
  return ([4, 6] as const).flatMap((family) => {
    const source = addresses.find(isOf(family))?.address;
    if (source === undefined) return [];
    return [replaceRoute({ family, destination: null, oif, gateway: GATEWAY[family], source })];
  });
}

interface Around {
  readonly before?: readonly Message[];
  /** May fail. */
  readonly after?: readonly Message[];
}

/** With what is to be done in the same go. */
async function addRoutes(
  addresses: readonly RoutedAddress[],
  oif: number,
  { before = [], after = [] }: Around = {},
): Promise<void> {
  const routes = addresses.map((at) => newRoute(hostRoute(at, oif)));
  const done = await send(PROTOCOL.route, [...before, ...routes, ...after]);
  for (const [at, outcome] of done.slice(0, before.length + routes.length).entries()) {
    const address = addresses[at - before.length];
    if (outcome.code === undefined) continue;
    if (outcome.code !== 'EEXIST' || !address) throw new NetlinkError(at, outcome);
    const holder = await findHolder(address);
    if (holder?.index === oif) continue;
    // Those behind it too: the kernel went on.
    await takeRoutes(addresses, oif);
    throw new CellaError('IP_IN_USE', `address ${address.address} is in use by ${nameHolder(holder?.name)}`);
  }
}

/** The interface that leads to an address; undefined where nobody has it. */
export async function findHolder(
  at: Pick<RoutedAddress, 'family' | 'address'>,
): Promise<{ readonly name: string; readonly index: number } | undefined> {
  const route = await findHostRoute(at);
  return route && (await findLink(route.oif));
}

function nameHolder(name: string | undefined): string {
  const ctid = /^(?:venet|v[0-9a-f]{4})(\d+)$/.exec(name ?? '')?.[1];
  return ctid === undefined ? `interface '${name ?? 'of this host'}'` : `container ${ctid}`;
}

async function takeRoutes(addresses: readonly RoutedAddress[], oif: number): Promise<void> {
  await request(
    PROTOCOL.route,
    addresses.map((at) => deleteRoute(hostRoute(at, oif))),
    { accept: ['ESRCH'] },
  );
}

/** The link itself ends with the container's network. Nothing of it left is fine. */
export async function detachVenet({ hostName, addresses }: VenetPlan): Promise<void> {
  const link = await findLink(hostName);
  if (link) await takeRoutes(addresses, link.index);
}

/** Lets go what was held. */
export async function openVenet({ hostName, addresses }: VenetPlan): Promise<void> {
  const { index } = expectLink(await findLink(hostName), hostName);
  await open(addresses, index);
}

/** Puts back what is missing of it on this host. What the container has done to its own end stays. */
export async function restoreVenet(plan: VenetPlan, namespace: number): Promise<void> {
  const link = await findLink(plan.hostName);
  if (!link) return attachVenet(plan, namespace);
  // To say it of one that is has Linux look at each of the host's IPv6 routes.
  await open(plan.addresses, link.index, link.group === GROUP ? {} : { group: GROUP });
}

/** Of `venet`, those that the other one has not. */
export function addressesWithout(venet: VenetPlan | null, other: VenetPlan | null): readonly RoutedAddress[] {
  const has = ({ address }: RoutedAddress): boolean =>
    other?.addresses.some((at) => at.address === address) ?? false;
  return venet?.addresses.filter((at) => !has(at)) ?? [];
}

/** Makes the addresses of a running container those of `after`; `namespace`: of its network. */
export async function changeVenet(before: VenetPlan, after: VenetPlan, namespace: number): Promise<void> {
  const outside = await findLink(before.hostName);
  // The guest may have removed it.
  if (!outside) return attachVenet(after, namespace);
  const inside = expectLink(await findLink(VENET, namespace), VENET);
  const [added, removed] = [addressesWithout(after, before), addressesWithout(before, after)];
  await addRoutes(added, outside.index);
  const routes = ([4, 6] as const).flatMap((family) =>
    after.addresses.some(isOf(family)) || !before.addresses.some(isOf(family))
      ? []
      : [deleteRoute({ family, destination: null, oif: inside.index })],
  );
  await request(
    PROTOCOL.route,
    [
      setLink(inside.index, { up: true }),
      ...added.map((at) => newAddress(inside.index, whole(at))),
      ...defaultRoutes(after.addresses, inside.index),
      ...routes,
      ...removed.map((at) => deleteAddress(inside.index, whole(at))),
    ],
    // The guest may have taken them away itself.
    { namespace, accept: ['EADDRNOTAVAIL', 'ESRCH'] },
  );
  await takeRoutes(removed, outside.index);
}
