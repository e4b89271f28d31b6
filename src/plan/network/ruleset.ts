/**
 * The rules of our table: the same ones for any number of containers, which are elements of its sets and maps.
 *
 * Interfaces of containers are known by their device group, those of this root's by their names: what another root's send
 * is looked at by its own table. A packet of anything else meets two comparisons.
 */
import { CLASSES } from '../../config/traffic-classes.js';

/** Is in the name of a chain that does nothing: a table with another one is loaded anew. */
export const RULES_VERSION = 3;
export const MARK_CHAIN = `rules-${RULES_VERSION}`;

/** Counts what was dropped since its source was somebody else's. */
export const SPOOFED = 'spoofed';

/** Where hairpin connections seem to come from. */
export interface RulesetOptions {
  readonly table: string;
  /** Device group of all containers' interfaces on the host. */
  readonly group: number;
  /** What the names of those begin with whose containers are in this table. */
  readonly prefix: string;
  readonly gateway4: string;
  readonly gateway6: string;
}

/** For `nft -f -`: takes the place of a table of this name, without its elements and counters. */
export function ruleset(options: RulesetOptions): string {
  const { table } = options;
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain ${MARK_CHAIN} { }
${SETS}${CLASSES.map(trafficClass).join('')}${sources(options)}${translation(options)}${FIREWALL}}
`;
}

const SETS = `
  counter ${SPOOFED} { }

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

  # Containers with rules of their own have two chains each.
  map in4 { type ipv4_addr : verdict; }
  map in6 { type ipv6_addr : verdict; }
  map out4 { type ipv4_addr : verdict; }
  map out6 { type ipv6_addr : verdict; }

  # Which networks are of which class of traffic.
  map sentclass4 { type ipv4_addr : verdict; flags interval; }
  map sentclass6 { type ipv6_addr : verdict; flags interval; }
  map receivedclass4 { type ipv4_addr : verdict; flags interval; }
  map receivedclass6 { type ipv6_addr : verdict; flags interval; }
`;

/** What of a class each address has had: counted from the first packet on, of which the element is made. */
function trafficClass(number: number): string {
  const set = (name: string, family: 4 | 6): string =>
    `  set ${name}${family}-${number} { type ipv${family}_addr; size 1048576; flags dynamic; counter; }\n`;
  const count = (name: string, field: string): string =>
    `  chain ${name}-${number} {
    update @${name}4-${number} { ip ${field} counter }
    update @${name}6-${number} { ip6 ${field} counter }
  }
`;
  return `
${set('sent', 4)}${set('sent', 6)}${set('received', 4)}${set('received', 6)}${count('sent', 'saddr')}${count('received', 'daddr')}`;
}

function sources({ group, prefix }: RulesetOptions): string {
  return `
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname "${prefix}*" goto from_container
    # A container's address does not come from elsewhere.
    ip saddr @local4 drop
    ip6 saddr @local6 drop
  }

  chain from_container {
    icmp type redirect drop
    icmpv6 type { nd-redirect, nd-router-advert } drop
    iifname . ip saddr @sent4 goto sent
    iifname . ip6 saddr @sent6 goto sent
    # What a kernel says of itself, to nobody here.
    ip6 saddr { ::, fe80::/10 } drop
    counter name ${SPOOFED} drop
  }

  chain sent {
    ip daddr vmap @sentclass4
    ip6 daddr vmap @sentclass6
    accept
  }

  chain delivery {
    type filter hook postrouting priority filter; policy accept;
    oifgroup != ${group} accept
    ip daddr @received4 goto received
    ip6 daddr @received6 goto received
  }

  chain received {
    ip saddr vmap @receivedclass4
    ip6 saddr vmap @receivedclass6
    accept
  }
`;
}

function translation({ group, gateway4, gateway6 }: RulesetOptions): string {
  return `
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
`;
}

/** A packet between two containers has to please both: their chains return what may pass. */
const FIREWALL = `
  chain leaving {
    ip saddr vmap @out4
    ip6 saddr vmap @out6
  }

  chain entering {
    ip daddr vmap @in4
    ip6 daddr vmap @in6
  }

  chain forwarded {
    type filter hook forward priority filter; policy accept;
    jump leaving
    jump entering
  }

  chain to_host {
    type filter hook input priority filter; policy accept;
    jump leaving
  }

  chain from_host {
    type filter hook output priority filter; policy accept;
    jump entering
  }
`;
