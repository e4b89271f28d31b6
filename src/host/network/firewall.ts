/** Our table of nftables: loaded once, and what containers have in it. */
import { CellaError, isErrno } from '../../errors.js';
import type { Element } from '../../plan/network/elements.js';
import type { VenetPlan } from '../../plan/network/network-plan.js';
import { MARK_CHAIN, ruleset } from '../../plan/network/ruleset.js';
import {
  addElements,
  type Counter,
  encodeParts,
  findElement,
  hasChain,
  readTarget,
} from '../netlink/nftables.js';
import { run } from '../run.js';
import { GATEWAY, GROUP } from './venet.js';

/** Where connections of a container to itself seem to come from; nobody has it. */
const INNER_GATEWAY6 = 'fdce:11a::1';

export function hasTable(name: string): Promise<boolean> {
  return hasChain(name, MARK_CHAIN);
}

/** Anew: what was in it is gone. */
export async function loadTable(name: string): Promise<void> {
  const input = ruleset({ table: name, group: GROUP, gateway4: GATEWAY[4], gateway6: INNER_GATEWAY6 });
  await run(['nft', '-f', '-'], { input });
}

/** Fails with PORT_IN_USE where a port leads elsewhere already. */
export async function publish(table: string, ports: readonly Element[]): Promise<void> {
  try {
    await addElements(table, ports, { exclusive: true });
  } catch (cause) {
    if (!isErrno(cause, 'EEXIST')) throw cause;
    await expectOwn(table, ports);
    await addElements(table, ports);
  }
}

async function expectOwn(table: string, ports: readonly Element[]): Promise<void> {
  for (const element of ports) {
    const held = (await findElement(table, element))?.data;
    if (!held || held.equals(encodeParts(element.data ?? []))) continue;
    throw new CellaError(
      'PORT_IN_USE',
      `port ${portName(element)} of this host leads to ${readTarget(held).address} already`,
    );
  }
}

function portName({ key }: Element): string {
  const words = key.flatMap((part) =>
    part.type === 'port' ? [String(part.port)] : part.type === 'protocol' ? [part.protocol] : [],
  );
  return words.reverse().join('/');
}

const NOTHING: Counter = { packets: 0n, bytes: 0n };

export interface Counted {
  readonly address: string;
  readonly sent: Counter;
  readonly received: Counter;
}

/** Since the addresses were added. */
export function readTraffic(table: string, { hostName, addresses }: VenetPlan): Promise<readonly Counted[]> {
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
