/** Bridges of this host that are ours to make. */
import type { Bridge } from '../../config/bridges.js';
import { CellaError, isErrno } from '../../errors.js';
import { listAddresses, newAddress } from '../netlink/addresses.js';
import { deleteLink, findLink, type Link, listLinks, newBridge, setLink } from '../netlink/links.js';
import { joinVlans } from '../netlink/ports.js';
import { PROTOCOL, request } from '../netlink/request.js';

/**
 * Makes it, or gives it what it lacks. Fails with NETDEV_FAILED where there is something else of its name, or where a port
 * is missing, is on another bridge, or has addresses, by which the host would not be reached any more. `mac`: its hardware
 * address, which would otherwise be that of one port or another, as they come and go.
 */
export async function makeBridge(bridge: Bridge, mac: string): Promise<void> {
  const before = await findLink(bridge.name);
  if (before && before.kind !== 'bridge')
    throw new CellaError('NETDEV_FAILED', `network interface '${bridge.name}' is no bridge`);
  const ports = await findPorts(bridge, before);
  if (!before) await create(bridge, mac);
  const link = before ?? (await findLink(bridge.name));
  if (!link) throw new CellaError('NETDEV_FAILED', `bridge '${bridge.name}' is gone`);
  await request(PROTOCOL.route, [
    ...ports.flatMap(({ index }) => [
      setLink(index, { master: link.index, up: true }),
      ...(bridge.vlans ? [joinVlans(index, 2, 4094)] : []),
    ]),
    ...bridge.addresses.map((address) => newAddress(link.index, address, { route: true })),
    setLink(link.index, { up: true }),
  ]);
}

async function create({ name, vlans }: Bridge, mac: string): Promise<void> {
  try {
    await request(PROTOCOL.route, [newBridge(name, { mac }, vlans)]);
  } catch (cause) {
    if (!vlans || !isErrno(cause, 'EOPNOTSUPP', 'ENOTSUP')) throw cause;
    throw new CellaError('NETDEV_FAILED', 'bridges of this kernel do not tell VLANs apart', { cause });
  }
}

/** Those that are to be its ports and are not yet. */
async function findPorts({ name, ports }: Bridge, bridge: Link | undefined): Promise<readonly Link[]> {
  const found: Link[] = [];
  for (const port of ports) {
    const link = await findLink(port);
    if (!link) throw new CellaError('NETDEV_FAILED', `this host has no network interface '${port}'`);
    if (bridge && link.master === bridge.index) continue;
    if (link.master !== 0)
      throw new CellaError('NETDEV_FAILED', `network interface '${port}' is on another bridge`);
    found.push(link);
  }
  const addresses = found.length > 0 ? await listAddresses() : [];
  const own = addresses.find(
    ({ index, address }) => found.some((link) => link.index === index) && !address.startsWith('fe80:'),
  );
  if (!own) return found;
  const port = found.find(({ index }) => index === own.index)?.name ?? '';
  throw new CellaError('NETDEV_FAILED', `network interface '${port}' has address ${own.address}`, {
    hint: `Take it away there, and give it to the bridge: --address ${own.address}/${own.prefix} at ${name}.`,
  });
}

/** By the name of each bridge of this host: the names of what is on it. */
export async function listPorts(): Promise<ReadonlyMap<string, readonly string[]>> {
  const links = await listLinks();
  const bridges = links.filter(({ kind }) => kind === 'bridge');
  const on = (index: number): readonly string[] =>
    links.filter(({ master }) => master === index).map(({ name }) => name);
  return new Map(bridges.map(({ name, index }) => [name, on(index)]));
}

/** Its ports are left as they are. Nothing there is fine. */
export async function removeBridge(name: string): Promise<void> {
  await request(PROTOCOL.route, [deleteLink(name)], { accept: ['ENODEV'] });
}
