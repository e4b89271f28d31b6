/** Our table of nftables: loaded once, and what containers have in it. */
import type { ClassedNetwork } from '../../config/traffic-classes.js';
import { classRuleset } from '../../plan/network/class-ruleset.js';
import { addressElements, type Element, portElements } from '../../plan/network/elements.js';
import type { NetworkPlan, VenetPlan } from '../../plan/network/network-plan.js';
import { MARK_CHAIN, ruleset, SPOOFED } from '../../plan/network/ruleset.js';
import { type Counter, NOTHING } from '../netlink/nft-elements.js';
import { findCounter, hasChain, removeElements } from '../netlink/nftables.js';
import { findFirewall } from './container-firewall.js';
import { nft } from './nft.js';
import { findPublished } from './published.js';
import { type FoundCounters, findCounters } from './traffic.js';
import { GATEWAY, GROUP } from './venet.js';

export { publish, unpublish } from './published.js';

/** Where connections of a container to itself seem to come from; nobody has it. */
const INNER_GATEWAY6 = 'fdce:11a::1';

export function hasTable(name: string): Promise<boolean> {
  return hasChain(name, MARK_CHAIN);
}

/** Anew: what was in it is gone. `prefix`: what names of its containers' links begin with. */
export async function loadTable(table: string, prefix: string): Promise<void> {
  await nft(ruleset({ table, prefix, group: GROUP, gateway4: GATEWAY[4], gateway6: INNER_GATEWAY6 }));
}

/** What was dropped, of all containers, since its source was not theirs. */
export async function readSpoofed(table: string): Promise<Counter> {
  return (await findCounter(table, SPOOFED)) ?? NOTHING;
}

/** Has all traffic from now on be counted by these classes. What was counted stays counted as it was. */
export async function loadTrafficClasses(table: string, networks: readonly ClassedNetwork[]): Promise<void> {
  await nft(classRuleset(table, networks));
}

/**
 * Takes away all that is a container's; an address or a port that is another's by now, or still, stays that. `counters`:
 * its own, where they are known already.
 */
export async function removePlan(
  table: string,
  plan: NetworkPlan,
  counters?: readonly FoundCounters[],
): Promise<void> {
  const [filter, ports, addresses] = await Promise.all([
    findFirewall(table, plan),
    findPublished(table, portElements(plan.published)),
    plan.venet ? findAddresses(table, plan.venet, counters) : [],
  ]);
  await removeElements(table, [...filter.elements, ...ports, ...addresses], filter.chains);
}

/** Addresses that are another's stay. */
export async function removeAddresses(table: string, venet: VenetPlan): Promise<void> {
  await removeElements(table, await findAddresses(table, venet));
}

/** Of each address there are all of its elements or none: that with the name of the link says whose they are. */
async function findAddresses(
  table: string,
  venet: VenetPlan,
  counters?: readonly FoundCounters[],
): Promise<readonly Element[]> {
  const found = counters ?? (await findCounters(table, venet));
  const owned = new Set(
    found.flatMap(({ elements, sent }) => (elements.class === null && sent ? [elements.address] : [])),
  );
  const classes = found
    .filter(({ elements }) => elements.class !== null && owned.has(elements.address))
    .flatMap(({ elements, sent, received }) => [
      ...(sent ? [elements.sent] : []),
      ...(received ? [elements.received] : []),
    ]);
  const addresses = venet.addresses.filter(({ address }) => owned.has(address));
  return [...addressElements({ ...venet, addresses }), ...classes];
}
