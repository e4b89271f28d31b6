/** A container's own chains in our table, for those with rules. */

import { readFileSync } from 'node:fs';
import { type NamedNetworks, parseNamedNetworks } from '../../config/named-networks.js';
import { CellaError, isErrno } from '../../errors.js';
import type { Element } from '../../plan/network/elements.js';
import {
  chainNames,
  firewallRuleset,
  namedRuleset,
  namedSets,
  verdictElements,
} from '../../plan/network/firewall-ruleset.js';
import type { NetworkPlan } from '../../plan/network/network-plan.js';
import { findElements, hasChain, removeElements } from '../netlink/nftables.js';
import { nft } from './nft.js';

/**
 * Makes its rules those of the plan in one transaction; `directory` holds the named sets. Fails with INVALID_CONFIG
 * where a set has no file or a wrong one, and changes nothing.
 */
export async function applyFirewall(table: string, plan: NetworkPlan, directory: string): Promise<void> {
  if (!plan.firewall) return removeFirewall(table, plan);
  const sets = namedSets(plan).map((name) => readNamedNetworks(directory, name));
  await nft(firewallRuleset(table, plan, sets));
}

/** What leads to another container's chains stays. Nothing there is fine. */
export async function removeFirewall(table: string, plan: NetworkPlan): Promise<void> {
  const { elements, chains } = await findFirewall(table, plan);
  await removeElements(table, elements, chains);
}

/** What there is of a container's own chains, and what leads there. */
export async function findFirewall(
  table: string,
  plan: NetworkPlan,
): Promise<{ readonly elements: readonly Element[]; readonly chains: readonly string[] }> {
  const names = chainNames(plan.ctid);
  const there = await Promise.all(names.map((name) => hasChain(table, name)));
  const chains = names.filter((_, index) => there[index]);
  return { elements: chains.length === 0 ? [] : await findVerdicts(table, plan), chains };
}

/** What leads to a container's own chains from its addresses. */
export async function findVerdicts(table: string, plan: NetworkPlan): Promise<readonly Element[]> {
  const names = chainNames(plan.ctid);
  const elements = verdictElements(plan);
  const found = await findElements(table, elements);
  return elements.filter((_, index) => names.includes(found[index]?.chain ?? ''));
}

/** Has all rules that speak of them go by what their files say now, in one transaction. */
export async function loadNamedNetworks(
  table: string,
  names: readonly string[],
  directory: string,
): Promise<void> {
  const sets = names.map((name) => readNamedNetworks(directory, name));
  await nft(sets.flatMap((set) => namedRuleset(table, set)).join(''));
}

function readNamedNetworks(directory: string, name: string): NamedNetworks {
  const file = `${directory}/${name}`;
  try {
    return parseNamedNetworks(name, readFileSync(file, 'utf8'), file);
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT')) throw cause;
    throw new CellaError('INVALID_CONFIG', `there is no file '${file}' of the networks '@${name}'`, {
      cause,
    });
  }
}
