/** Interfaces of a container's own: pairs whose other end is on this host, alone or on a bridge, and macvlans. */
import { familyOf } from '../../config/address.js';
import { CellaError } from '../../errors.js';
import type { InterfacePlan } from '../../plan/network/network-plan.js';
import { newAddress } from '../netlink/addresses.js';
import {
  deleteLink,
  findLink,
  type Link,
  newMacvlan,
  newVeth,
  renameLink,
  setLink,
} from '../netlink/links.js';
import { joinVlan, leaveVlan, setPort } from '../netlink/ports.js';
import { type Message, type Outcome, PROTOCOL, request, send } from '../netlink/request.js';
import { replaceRoute } from '../netlink/routes.js';
import { expectLink, makePair } from './pair.js';

/** Makes it in the network namespace of a descriptor. Fails with VETH_FAILED. `held`: a pair is not up yet. */
export async function attachInterface(plan: InterfacePlan, namespace: number, held = false): Promise<void> {
  const parent = plan.bridge === null ? undefined : await findParent(plan.bridge);
  if (parent && usesVlans(plan) && !parent.filtersVlans)
    throw new CellaError('VETH_FAILED', `'${parent.name}' is no bridge that tells VLANs apart`, {
      hint: `Have it do so: ip link set ${parent.name} type bridge vlan_filtering 1`,
    });
  if (plan.host) await makeVeth(plan, plan.host, { namespace, bridge: parent?.index, held });
  else await makeMacvlan(plan, namespace, parent?.index ?? 0);
  const inside = await findLink(plan.name, namespace);
  if (!inside) throw new CellaError('VETH_FAILED', `'${plan.name}' is gone from the container`);
  if (plan.configure) await request(PROTOCOL.route, configure(plan, inside.index), { namespace });
}

async function findParent(name: string): Promise<Link> {
  const link = await findLink(name);
  if (link) return link;
  throw new CellaError('VETH_FAILED', `this host has no bridge or interface '${name}'`, {
    hint: `Make one first: cella network bridge add ${name}`,
  });
}

interface Ends {
  readonly namespace: number;
  /** Index. */
  readonly bridge: number | undefined;
  readonly held: boolean;
}

async function makeVeth(
  plan: InterfacePlan,
  { name, mac }: NonNullable<InterfacePlan['host']>,
  { namespace, bridge, held }: Ends,
): Promise<void> {
  const { done, link } = await makePair(name, [
    newVeth(name, { mac }, { name: plan.name, mac: plan.mac, namespace }),
    ...(bridge === undefined ? [] : [setLink(name, { master: bridge })]),
  ]);
  expectMade(plan, done);
  const { index } = expectLink(link, name);
  // Nothing passes before it is clear where it may go.
  await carry(plan, [
    ...(bridge === undefined ? [] : port(plan, index)),
    ...(held ? [] : [setLink(index, { up: true })]),
  ]);
}

/** Lets go what was held. */
export async function openInterface({ name, host }: InterfacePlan): Promise<void> {
  if (!host) return;
  const { index } = expectLink(await findLink(host.name), name);
  await request(PROTOCOL.route, [setLink(index, { up: true })]);
}

/**
 * By a name that nobody has: Linux 6.12 refuses it that of an interface of the host too (6.18 does not), and eth0 is what
 * both like to call theirs.
 */
async function makeMacvlan(plan: InterfacePlan, namespace: number, parent: number): Promise<void> {
  const name = temporaryName(plan);
  await carry(plan, [newMacvlan(name, { mac: plan.mac, namespace }, parent)]);
  const link = await findLink(name, namespace);
  if (!link) throw new CellaError('VETH_FAILED', `'${plan.name}' is gone from the container`);
  await carry(plan, [renameLink(link.index, plan.name)], namespace);
}

const temporaryName = ({ mac }: InterfacePlan): string => `m${mac.replaceAll(':', '')}`;

const usesVlans = ({ vlan, trunks }: InterfacePlan): boolean => vlan !== null || trunks.length > 0;

/** What a bridge puts a new port into. */
const USUAL_VLAN = 1;

function port({ isolated, vlan, trunks }: InterfacePlan, index: number): readonly Message[] {
  return [
    ...(isolated ? [setPort(index, { isolated })] : []),
    ...(vlan === null ? [] : [leaveVlan(index, USUAL_VLAN), joinVlan(index, vlan, { own: true })]),
    ...trunks.filter((each) => each !== vlan).map((each) => joinVlan(index, each, { own: false })),
  ];
}

async function carry(plan: InterfacePlan, messages: readonly Message[], namespace = -1): Promise<void> {
  expectMade(plan, await send(PROTOCOL.route, messages, { namespace }));
}

function expectMade({ name }: InterfacePlan, done: readonly Outcome[]): void {
  const failed = done.find(({ code }) => code !== undefined);
  if (!failed) return;
  const why = failed.why ?? failed.code;
  throw new CellaError('VETH_FAILED', `cannot make network interface '${name}': ${why}`);
}

function configure({ addresses, gateways }: InterfacePlan, oif: number): readonly Message[] {
  return [
    setLink(oif, { up: true }),
    ...addresses.map((address) => newAddress(oif, address, { route: true })),
    ...gateways.map((gateway) =>
      replaceRoute({ family: familyOf(gateway), destination: null, oif, gateway }),
    ),
  ];
}

/** Takes away an interface of a running container. Nothing there is fine. */
export async function detachInterface(plan: InterfacePlan, namespace: number): Promise<void> {
  const { name, host } = plan;
  const accept = ['ENODEV'];
  if (host) await request(PROTOCOL.route, [deleteLink(host.name)], { accept });
  else await request(PROTOCOL.route, [name, temporaryName(plan)].map(deleteLink), { accept, namespace });
}
