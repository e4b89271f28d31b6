/** What containers may say they are on bridges of this host: a table of nftables beside the other one. */
import { BRIDGE_MARK, bridgeElements, bridgeRuleset } from '../../plan/network/bridge-ruleset.js';
import type { NetworkPlan } from '../../plan/network/network-plan.js';
import { addElements, hasChain, OF_BRIDGES, removeElements } from '../netlink/nftables.js';
import { nft } from './nft.js';

export function hasBridgeTable(table: string): Promise<boolean> {
  return hasChain(`${OF_BRIDGES}${table}`, BRIDGE_MARK);
}

/** Anew: what was in it is gone. */
export async function loadBridgeTable(table: string): Promise<void> {
  await nft(bridgeRuleset(table));
}

/** Whether any of its interfaces is a port of a bridge. */
export function hasPorts(plan: Pick<NetworkPlan, 'interfaces'>): boolean {
  return bridgeElements(plan).length > 0;
}

/** Before the ports come up. */
export async function guardPorts(table: string, plan: Pick<NetworkPlan, 'interfaces'>): Promise<void> {
  await addElements(`${OF_BRIDGES}${table}`, bridgeElements(plan));
}

/** Nothing there is fine. */
export async function forgetPorts(table: string, plan: Pick<NetworkPlan, 'interfaces'>): Promise<void> {
  await removeElements(`${OF_BRIDGES}${table}`, bridgeElements(plan));
}
