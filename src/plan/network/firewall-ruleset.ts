/** A container's own chains in our table: pure. Rules are seen from the container. */
import { type Address, formatAddress } from '../../config/address.js';
import type { NamedNetworks } from '../../config/named-networks.js';
import type { Element } from './elements.js';
import type { FirewallPlan, FirewallRule, NetworkPlan } from './network-plan.js';

/** In our table. */
function setName(name: string, family: 4 | 6): string {
  return `named${family}-${name}`;
}

/** As nftables calls it. */
const familyNamed = (family: 4 | 6): 'ip' | 'ip6' => (family === 4 ? 'ip' : 'ip6');

type Direction = FirewallRule['direction'];
const DIRECTIONS = ['in', 'out'] as const;

export function chainName(direction: Direction, ctid: number): string {
  return `${direction}-${ctid}`;
}

export const chainNames = (ctid: number): readonly string[] =>
  DIRECTIONS.map((each) => chainName(each, ctid));

/** Those that lead to a container's chains, whether it has any: two of each of its addresses. */
export function verdictElements(plan: NetworkPlan): readonly Element[] {
  return addressesOf(plan).flatMap(({ family, address }) =>
    DIRECTIONS.map((direction) => ({ set: `${direction}${family}`, key: [{ type: 'address', address }] })),
  );
}

/** Routed ones, and those of its interfaces that are known: what a guest takes by itself nobody can tell. */
function addressesOf({ venet, interfaces }: NetworkPlan): readonly Pick<Address, 'family' | 'address'>[] {
  return [...(venet?.addresses ?? []), ...interfaces.flatMap(({ addresses }) => addresses)];
}

/** Names of the sets that its rules speak of. */
export function namedSets({ firewall }: Pick<NetworkPlan, 'firewall'>): readonly string[] {
  const names = firewall?.rules.flatMap(({ peer }) => (peer && 'set' in peer ? [peer.set] : [])) ?? [];
  return [...new Set(names)];
}

/**
 * For `nft -f -`, one transaction: its chains, in the place of those it had, what leads there, and the named sets as
 * they are to be from now on for everybody.
 */
export function firewallRuleset(table: string, plan: NetworkPlan, sets: readonly NamedNetworks[]): string {
  const { ctid, firewall } = plan;
  if (!firewall) return '';
  const chains = DIRECTIONS.map((direction) => chain(table, direction, { ctid, firewall }));
  const leading = addressesOf(plan).flatMap(({ family, address }) =>
    DIRECTIONS.map(
      (each) => `add element inet ${table} ${each}${family} { ${address} : jump ${chainName(each, ctid)} }\n`,
    ),
  );
  return [...sets.flatMap((set) => namedRuleset(table, set)), ...chains, ...leading].join('');
}

/** Takes the place of what a set held, for `nft -f -`. */
export function namedRuleset(table: string, { name, networks }: NamedNetworks): readonly string[] {
  return ([4, 6] as const).map((family) => {
    const set = `inet ${table} ${setName(name, family)}`;
    const held = networks.filter((network) => network.family === family).map(formatAddress);
    const type = `{ type ipv${family}_addr; flags interval; auto-merge; }`;
    const added = held.length > 0 ? `add element ${set} { ${held.join(', ')} }\n` : '';
    return `add set ${set} ${type}\nflush set ${set}\n${added}`;
  });
}

function chain(
  table: string,
  direction: Direction,
  { ctid, firewall }: { readonly ctid: number; readonly firewall: FirewallPlan },
): string {
  const name = `inet ${table} ${chainName(direction, ctid)}`;
  const policy = direction === 'in' ? firewall.policyIn : firewall.policyOut;
  const rules = firewall.rules.filter((rule) => rule.direction === direction).flatMap(ruleTexts);
  const all = [`ct state { established, related } return`, ...rules, verdict(policy)];
  return [
    `add chain ${name}`,
    `flush chain ${name}`,
    ...all.map((rule) => `add rule ${name} ${rule}`),
    '',
  ].join('\n');
}

/** One for each family that it speaks of. */
function ruleTexts(rule: FirewallRule): readonly string[] {
  return peerTexts(rule).map((peer) => [peer, what(rule), verdict(rule.action)].filter(Boolean).join(' '));
}

function peerTexts({ direction, peer }: FirewallRule): readonly string[] {
  if (!peer) return [''];
  const field = direction === 'in' ? 'saddr' : 'daddr';
  if ('set' in peer)
    return ([4, 6] as const).map((family) => `${familyNamed(family)} ${field} @${setName(peer.set, family)}`);
  return [`${familyNamed(peer.family)} ${field} ${formatAddress(peer)}`];
}

function what({ protocol, ports }: FirewallRule): string {
  if (protocol === 'any') return '';
  if (protocol === 'icmp') return 'meta l4proto { icmp, ipv6-icmp }';
  if (!ports) return `meta l4proto ${protocol}`;
  return `${protocol} dport ${ports.first === ports.last ? ports.first : `${ports.first}-${ports.last}`}`;
}

/** What one container's chain lets pass may still be none of another's. */
function verdict(action: FirewallRule['action']): string {
  return { accept: 'return', drop: 'drop', reject: 'reject' }[action];
}
