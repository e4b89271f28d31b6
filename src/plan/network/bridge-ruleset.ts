/** The rules for ports of bridges, in a table of their own kind: what a container may say it is on a bridge. */
import type { Address } from '../../config/address.js';
import type { Element, Part } from './elements.js';
import type { InterfacePlan, NetworkPlan } from './network-plan.js';

/** Is in the name of a chain that does nothing: a table with another one is loaded anew. */
export const BRIDGE_MARK = 'ports-2';

/** For `nft -f -`: takes the place of a table of this name. */
export function bridgeRuleset(table: string): string {
  return `table bridge ${table}
delete table bridge ${table}
table bridge ${table} {
  chain ${BRIDGE_MARK} { }

  set ports { type ifname; }
  # What is looked at of what comes from a port: its hardware address, its addresses, or both.
  map limits { type ifname : verdict; }
  set macs { type ifname . ether_addr; }
  set addresses4 { type ifname . ipv4_addr; }
  set addresses6 { type ifname . ipv6_addr; }
  # Of ports of which both is looked at: nearly all that passes does so by one lookup.
  set known4 { type ifname . ether_addr . ipv4_addr; }
  set known6 { type ifname . ether_addr . ipv6_addr; }

  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname vmap @limits
  }

  chain both {
    iifname . ether saddr . ip saddr @known4 accept
    jump hardware
    iifname . ether saddr . ip6 saddr @known6 accept
    goto addresses
  }

  chain hardware {
    iifname . ether saddr != @macs drop
    ether type arp iifname . arp saddr ether != @macs drop
    # Nobody else's way out leads through a container.
    icmpv6 type { nd-router-advert, nd-redirect } drop
  }

  chain addresses {
    ether type arp iifname . arp saddr ip @addresses4 accept
    ether type arp arp saddr ip 0.0.0.0 accept
    ether type ip iifname . ip saddr @addresses4 accept
    ether type ip6 iifname . ip6 saddr @addresses6 accept
    # Asking for neighbours, and whether an address is free.
    ether type ip6 ip6 saddr { ::, fe80::/10 } icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept
    drop
  }

  chain answers {
    type filter hook postrouting priority 300; policy accept;
    # A checksum that hardware was to fill in never is on its way to a container, and clients of DHCP look at it
    # themselves; 0 says that there is none (RFC 768).
    udp sport 67 oifname @ports udp checksum set 0
  }
}
`;
}

/** What its ports on bridges are in those sets. */
export function bridgeElements({ interfaces }: Pick<NetworkPlan, 'interfaces'>): readonly Element[] {
  return interfaces.flatMap((each) =>
    each.host && each.bridge !== null ? elementsOf(each, each.host.name) : [],
  );
}

function elementsOf(plan: InterfacePlan, name: string): readonly Element[] {
  const { mac, macFilter, ipFilter, addresses } = plan;
  const port: Part = { type: 'interface', name };
  const own: Part = { type: 'mac', mac };
  const limit = macFilter ? (ipFilter ? 'both' : 'hardware') : 'addresses';
  return [
    { set: 'ports', key: [port] },
    ...(macFilter ? [{ set: 'macs', key: [port, own] }] : []),
    ...(ipFilter ? addresses.map(addressed('addresses', [port])) : []),
    ...(macFilter && ipFilter ? addresses.map(addressed('known', [port, own])) : []),
    ...(macFilter || ipFilter ? [{ set: 'limits', key: [port], chain: limit }] : []),
  ];
}

/** Of the set of a family. */
const addressed =
  (set: string, before: readonly Part[]) =>
  ({ family, address }: Address): Element => ({
    set: `${set}${family}`,
    key: [...before, { type: 'address', address }],
  });
