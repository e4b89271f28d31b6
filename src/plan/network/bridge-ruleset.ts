/** The rules for ports of bridges, in a table of their own kind: what a container may say it is on a bridge. */
import type { Element, Part } from './elements.js';
import type { InterfacePlan, NetworkPlan } from './network-plan.js';

/** Is in the name of a chain that does nothing: a table with another one is loaded anew. */
export const BRIDGE_MARK = 'ports-1';

/** For `nft -f -`: takes the place of a table of this name. */
export function bridgeRuleset(table: string): string {
  return `table bridge ${table}
delete table bridge ${table}
table bridge ${table} {
  chain ${BRIDGE_MARK} { }

  set ports { type ifname; }
  # Ports that may use one hardware address alone, and which.
  set fixed { type ifname; }
  set macs { type ifname . ether_addr; }
  # Ports that may use some addresses alone, and which.
  set bound { type ifname; }
  set addresses4 { type ifname . ipv4_addr; }
  set addresses6 { type ifname . ipv6_addr; }

  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname @fixed jump hardware
    iifname @bound goto addresses
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
    oifname @ports udp sport 67 udp checksum set 0
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

function elementsOf(
  { mac, macFilter, ipFilter, addresses }: InterfacePlan,
  name: string,
): readonly Element[] {
  const port: Part = { type: 'interface', name };
  const known = addresses.map(
    ({ family, address }): Element => ({
      set: `addresses${family}`,
      key: [port, { type: 'address', address }],
    }),
  );
  return [
    { set: 'ports', key: [port] },
    ...(macFilter
      ? [
          { set: 'macs', key: [port, { type: 'mac', mac } as const] },
          { set: 'fixed', key: [port] },
        ]
      : []),
    ...(ipFilter ? [...known, { set: 'bound', key: [port] }] : []),
  ];
}
