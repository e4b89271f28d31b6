/** A container's packet filter: FIREWALL, rules as `in:accept:tcp:25,587:10.0.0.0/8`, and what happens to the rest. */
import { formatNetwork, type Network, parseNetwork } from './networks.js';
import { formatPorts, type PortRange, parsePorts } from './ports.js';
import { list, words } from './value-type.js';
import { bad, parseWord } from './values.js';

export interface FilterRule {
  /** Seen from the container. */
  readonly direction: 'in' | 'out';
  readonly action: 'accept' | 'drop' | 'reject';
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  /** Of the side that is asked; none: any. */
  readonly ports: readonly PortRange[];
  /** Who is at the other end: a network, or a named set of them; null: anybody. */
  readonly peer: Network | { readonly set: string } | null;
}

const FORM = 'in|out:accept|drop|reject[:PROTOCOL[:PORTS[:PEER]]]';

/** In their order: the first that matches decides. */
export const FIREWALL = list(FORM, parseRule, formatRule, {
  itemsOf: /[\s;]+/,
  key: (text) => formatRule(parseRule(text)),
});

export const POLICY = words('accept', 'drop');

function parseRule(text: string): FilterRule {
  const [direction = '', action = '', protocol = '', ports = '', ...rest] = text.split(':');
  if (action === '') throw bad('BAD_VALUE', `${FORM} expected`, text);
  const rule: FilterRule = {
    direction: parseWord(direction, ['in', 'out'] as const),
    action: parseWord(action, ['accept', 'drop', 'reject'] as const),
    protocol: parseWord(isAny(protocol) ? 'any' : protocol, ['tcp', 'udp', 'icmp', 'any'] as const),
    ports: isAny(ports) ? [] : ports.split(',').map(parsePorts),
    peer: parsePeer(rest.join(':')),
  };
  if (rule.ports.length > 0 && rule.protocol !== 'tcp' && rule.protocol !== 'udp')
    throw bad('BAD_VALUE', 'only tcp and udp have ports', text);
  return rule;
}

function parsePeer(text: string): FilterRule['peer'] {
  if (isAny(text)) return null;
  if (!text.startsWith('@')) return parseNetwork(text.replace(/^\[([^\]]*)\]/, '$1'));
  const set = text.slice(1);
  // It is the name of a file and of a set of nftables'.
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(set))
    throw bad('BAD_VALUE', 'bad name of a set of networks', text);
  return { set };
}

function isAny(text: string): boolean {
  return text === '' || text === 'any' || text === '*';
}

/** Without the parts at its end that leave everything open. */
function formatRule({ direction, action, protocol, ports, peer }: FilterRule): string {
  const who = peer === null ? '' : 'set' in peer ? `@${peer.set}` : formatNetwork(peer);
  const parts = [direction, action, protocol, ports.map(formatPorts).join(',') || 'any', who || 'any'];
  while (parts.at(-1) === 'any') parts.pop();
  return parts.join(':');
}
