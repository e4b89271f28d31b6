/** Published ports in our table: whom they lead to, and who else is in the way. */
import { CellaError, isErrno } from '../../errors.js';
import { type Element, portOf } from '../../plan/network/elements.js';
import { encodeParts, type Held, readTarget } from '../netlink/nft-elements.js';
import { addElements, findElements, removeElements } from '../netlink/nftables.js';
import { isInTheWay, type Listener, readClientPorts, readListeners } from './listeners.js';
import { ownAddresses } from './own-addresses.js';

/**
 * Fails with PORT_IN_USE where a port leads elsewhere already, or where the host itself listens: nobody would reach that
 * any more. Ports that are published as they are to be are fine. `others`: what is to be added in the same transaction,
 * and stays.
 */
export async function publish(
  table: string,
  ports: readonly Element[],
  others: readonly Element[] = [],
): Promise<void> {
  if (ports.length > 0) await expectUnheard(table, ports);
  try {
    await addElements(table, others, ports);
  } catch (cause) {
    if (!isErrno(cause, 'EEXIST')) throw cause;
    await expectOwn(
      table,
      ports.map((port) => [port, port]),
    );
    await addElements(table, [...others, ...ports]);
  }
  if (ports.length === 0) return;
  try {
    // Only now, so that of two at one time not both find nothing.
    await expectOwn(table, await overlapping(ports));
  } catch (error) {
    await unpublish(table, ports);
    throw error;
  }
}

/** Ports that lead elsewhere stay. */
export async function unpublish(table: string, ports: readonly Element[]): Promise<void> {
  await removeElements(table, await findPublished(table, ports));
}

/** Those that lead where they are to. */
export async function findPublished(table: string, ports: readonly Element[]): Promise<readonly Element[]> {
  const found = await findElements(table, ports);
  return ports.filter((port, index) => isOwn(port, found[index]));
}

function isOwn(port: Element, held: Held | undefined): boolean {
  return held?.data?.equals(encodeParts(port.data ?? [])) ?? false;
}

/** A port of ours, and one that must not lead anywhere else. */
type Pair = readonly [port: Element, other: Element];

async function expectOwn(table: string, pairs: readonly Pair[]): Promise<void> {
  const found = await findElements(
    table,
    pairs.map(([, other]) => other),
  );
  for (const [index, [port]] of pairs.entries()) {
    const held = found[index];
    if (!held?.data || isOwn(port, held)) continue;
    const holder = readTarget(held.data).address;
    throw new CellaError('PORT_IN_USE', `port ${nameOf(port)} of this host leads to ${holder} already`);
  }
}

/** A port of any address is one of each as well, and the other way round. */
async function overlapping(ports: readonly Element[]): Promise<readonly Pair[]> {
  const own = { 4: await ownAddresses(4), 6: await ownAddresses(6) };
  return ports.flatMap((port): readonly Pair[] => {
    const { family, address } = portOf(port);
    if (address !== null) return [[port, { set: `any${family}`, key: port.key.slice(1) }]];
    const set = `ports${family}`;
    return [...new Set(own[family])].map((each) => [
      port,
      { set, key: [{ type: 'address', address: each }, ...port.key] },
    ]);
  });
}

/** Those that are published already are none of the host's, whoever listens there. */
async function expectUnheard(table: string, ports: readonly Element[]): Promise<void> {
  const found = await findElements(table, ports);
  const listeners = { tcp: undefined, udp: undefined } as Record<
    'tcp' | 'udp',
    readonly Listener[] | undefined
  >;
  const clients = readClientPorts();
  for (const port of ports.filter((_, index) => !found[index])) {
    const { protocol, port: number, ...rest } = portOf(port);
    if (protocol === 'udp' && number >= clients.first && number <= clients.last) continue;
    listeners[protocol] ??= await readListeners(protocol);
    if (listeners[protocol]?.some((listener) => isInTheWay(listener, { ...rest, port: number })))
      throw new CellaError('PORT_IN_USE', `this host itself listens at port ${nameOf(port)}`);
  }
}

function nameOf(element: Element): string {
  const { port, protocol } = portOf(element);
  return `${port}/${protocol}`;
}
