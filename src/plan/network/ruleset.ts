/**
 * The rules of our table: the same ones for any number of containers, which are elements of its sets and maps.
 *
 * Interfaces of ours are known by their device group, so that a packet of anything else meets two comparisons.
 */

/** Is in the name of a chain that does nothing: a table with another one is loaded anew. */
export const RULES_VERSION = 1;
export const MARK_CHAIN = `rules-${RULES_VERSION}`;

/** Where hairpin connections seem to come from. */
export interface RulesetOptions {
  readonly table: string;
  /** Device group of our interfaces on the host. */
  readonly group: number;
  readonly gateway4: string;
  readonly gateway6: string;
}

export function ruleset({ table, group, gateway4, gateway6 }: RulesetOptions): string {
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain ${MARK_CHAIN} { }

  # Which addresses may come from which interface, and what each has sent.
  set sent4 { type ifname . ipv4_addr; counter; }
  set sent6 { type ifname . ipv6_addr; counter; }
  set received4 { type ipv4_addr; counter; }
  set received6 { type ipv6_addr; counter; }
  # All that containers have.
  set local4 { type ipv4_addr; }
  set local6 { type ipv6_addr; }
  # Translated on their way out.
  set private4 { type ipv4_addr; }
  set private6 { type ipv6_addr; }

  # Published ports: of one address of this host, or of any.
  map ports4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map ports6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  # A container that reaches itself that way has to get its answers through this host.
  set hairpin4 { type ipv4_addr . ipv4_addr; }
  set hairpin6 { type ipv6_addr . ipv6_addr; }

  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifgroup ${group} goto from_container
    # A container's address does not come from elsewhere.
    ip saddr @local4 drop
    ip6 saddr @local6 drop
  }

  chain from_container {
    icmp type redirect drop
    icmpv6 type { nd-redirect, nd-router-advert } drop
    iifname . ip saddr @sent4 accept
    iifname . ip6 saddr @sent6 accept
    counter drop
  }

  chain delivery {
    type filter hook postrouting priority filter; policy accept;
    oifgroup != ${group} accept
    ip daddr @received4 accept
    ip6 daddr @received6 accept
  }

  chain publish {
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    fib daddr type != local return
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @ports4
    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @any4
    meta l4proto { tcp, udp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6
    meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @any6
  }

  chain published {
    type nat hook prerouting priority dstnat; policy accept;
    jump publish
  }

  chain published_here {
    type nat hook output priority -100; policy accept;
    jump publish
  }

  chain translated {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr . ip daddr @hairpin4 snat ip to ${gateway4}
    ip6 saddr . ip6 daddr @hairpin6 snat ip6 to ${gateway6}
    oifgroup ${group} accept
    ip saddr @private4 masquerade
    ip6 saddr @private6 masquerade
  }
}
`;
}
