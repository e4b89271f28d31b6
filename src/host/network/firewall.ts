/** Our table of nftables: loaded once, and what containers have in it. */
import { CellaError } from '../../errors.js';
import { type Element, elements, portElements } from '../../plan/network/elements.js';
import type { NetworkPlan, Publication, RoutedAddress } from '../../plan/network/network-plan.js';
import { MARK_CHAIN, ruleset } from '../../plan/network/ruleset.js';
import {
  addElements,
  type Counter,
  findElement,
  hasChain,
  readTarget,
  removeElements,
} from '../netlink/nftables.js';
import { run } from '../run.js';
import { GATEWAY, GROUP } from './venet.js';

export interface Table {
  readonly name: string;
  /** Where connections of a container to itself seem to come from. */
  readonly gateway6: string;
}

/** Loads it unless it is there. True: it was loaded, and holds nothing of any container. */
export async function ensureTable({ name, gateway6 }: Table): Promise<boolean> {
  if (await hasChain(name, MARK_CHAIN)) return false;
  const input = ruleset({ table: name, group: GROUP, gateway4: GATEWAY[4], gateway6 });
  await run(['nft', '-f', '-'], { input });
  return true;
}

/** Fails with IP_IN_USE where a port is published already. */
export async function addToTable(table: string, plan: NetworkPlan): Promise<void> {
  await publish(table, plan.published);
  await addElements(table, elements({ ...plan, published: [] }));
}

/** What is not there is fine. */
export async function removeFromTable(table: string, plan: NetworkPlan): Promise<void> {
  await removeElements(table, elements(plan));
}

export async function publish(table: string, published: readonly Publication[]): Promise<void> {
  const ports = portElements(published);
  try {
    await addElements(table, ports, { exclusive: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw await collision(table, ports, cause);
  }
}

async function collision(table: string, ports: readonly Element[], cause: unknown): Promise<CellaError> {
  for (const element of ports) {
    const held = await findElement(table, element);
    if (!held?.data) continue;
    const [protocol, port] = element.key.slice(-2);
    const words = `${port?.type === 'port' ? port.port : ''}/${protocol?.type === 'protocol' ? protocol.protocol : ''}`;
    const { address } = readTarget(held.data);
    return new CellaError('IP_IN_USE', `port ${words} of this host leads to ${address} already`, { cause });
  }
  return new CellaError('IP_IN_USE', 'a port is in use already', { cause });
}

export interface Traffic {
  readonly address: string;
  readonly sent: Counter;
  readonly received: Counter;
}

const NOTHING: Counter = { packets: 0n, bytes: 0n };

/** Since the addresses were added. */
export async function readTraffic(
  table: string,
  hostName: string,
  addresses: readonly RoutedAddress[],
): Promise<readonly Traffic[]> {
  return Promise.all(
    addresses.map(async ({ family, address }) => {
      const own = { type: 'address', address } as const;
      const from = { type: 'interface', name: hostName } as const;
      const [sent, received] = await Promise.all([
        findElement(table, { set: `sent${family}`, key: [from, own] }),
        findElement(table, { set: `received${family}`, key: [own] }),
      ]);
      return { address, sent: sent?.counter ?? NOTHING, received: received?.counter ?? NOTHING };
    }),
  );
}
