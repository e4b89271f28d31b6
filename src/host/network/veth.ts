/** Interfaces of a container's own: pairs whose other end is on this host, alone or on a bridge, and macvlans. */
import { familyOf } from '../../config/address.js';
import { CellaError } from '../../errors.js';
import type { InterfacePlan } from '../../plan/network/network-plan.js';
import { newAddress } from '../netlink/addresses.js';
import { deleteLink, findLink, newMacvlan, newVeth, setLink, setPort } from '../netlink/links.js';
import { type Message, PROTOCOL, request, send } from '../netlink/request.js';
import { replaceRoute } from '../netlink/routes.js';

/** Makes it in the network namespace of a descriptor. Fails with VETH_FAILED. */
export async function attachInterface(plan: InterfacePlan, namespace: number): Promise<void> {
  const parent = plan.bridge === null ? undefined : await findParent(plan.bridge);
  await make(plan, namespace, parent);
  const inside = await findLink(plan.name, namespace);
  if (!inside) throw new CellaError('VETH_FAILED', `'${plan.name}' is gone from the container`);
  if (plan.configure) await request(PROTOCOL.route, configure(plan, inside.index), { namespace });
}

async function findParent(name: string): Promise<number> {
  const link = await findLink(name);
  if (link) return link.index;
  throw new CellaError('VETH_FAILED', `this host has no bridge or interface '${name}'`, {
    hint: `Make one first: ip link add ${name} type bridge; ip link set ${name} up`,
  });
}

async function make(plan: InterfacePlan, namespace: number, parent: number | undefined): Promise<void> {
  const { name, mac, host, isolated } = plan;
  const messages = host
    ? [
        newVeth(host.name, { mac: host.mac }, { name, mac, namespace }),
        setLink(host.name, { up: true, ...(parent === undefined ? {} : { master: parent }) }),
      ]
    : [newMacvlan(name, { mac, namespace }, parent ?? 0)];
  let done = await send(PROTOCOL.route, messages);
  if (host && done[0]?.code === 'EEXIST' && (await findLink(host.name))?.kind === 'veth') {
    // Of a container that ended a moment ago, whose network has not been cleared away yet.
    await request(PROTOCOL.route, [deleteLink(host.name)], { accept: ['ENODEV'] });
    done = await send(PROTOCOL.route, messages);
  }
  const failed = done.find(({ code }) => code !== undefined);
  if (failed)
    throw new CellaError(
      'VETH_FAILED',
      `cannot make network interface '${name}': ${failed.why ?? failed.code}`,
    );
  if (!host || !isolated || parent === undefined) return;
  const port = await findLink(host.name);
  if (port) await request(PROTOCOL.route, [setPort(port.index, { isolated })]);
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
export async function detachInterface({ name, host }: InterfacePlan, namespace: number): Promise<void> {
  const message = deleteLink(host?.name ?? name);
  await request(PROTOCOL.route, [message], { accept: ['ENODEV'], ...(host ? {} : { namespace }) });
}
