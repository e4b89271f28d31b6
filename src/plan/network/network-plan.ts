/** What a container's network is to be: pure data, made of its config, carried out by `host/network`. */
import type { Address } from '../../config/address.js';
import type { NetworkInterface } from '../../config/network-config.js';
import type { PortRange } from '../../config/ports.js';
import type { Shaping } from '../../config/rates.js';

export type { PortRange } from '../../config/ports.js';
export type { Rate, Shaping } from '../../config/rates.js';

export interface NetworkPlan {
  readonly ctid: number;
  /** Null: it has no address that is routed to it. */
  readonly venet: VenetPlan | null;
  readonly interfaces: readonly InterfacePlan[];
  readonly published: readonly Publication[];
  /** Null: everything may pass. */
  readonly firewall: FirewallPlan | null;
  /** Null: as fast as it goes. */
  readonly shaping: ShapingPlan | null;
}

export interface ShapingPlan extends Shaping {
  /** Name of the host's device that slows down what the container sends. */
  readonly ifb: string;
}

/** A routed link: a pair of interfaces with one hardware address, between which nobody asks who has an address. */
export interface VenetPlan {
  /** Of the host's end; that of the container's is `venet0`. */
  readonly hostName: string;
  readonly mac: string;
  /** The first of each family is what it sends from. */
  readonly addresses: readonly RoutedAddress[];
}

export interface RoutedAddress {
  readonly family: 4 | 6;
  readonly address: string;
  /** Known to this host alone, and translated on its way out. */
  readonly private: boolean;
}

/** As its config has it, with all that may be left out there. */
export interface InterfacePlan
  extends Omit<NetworkInterface, 'type' | 'mac' | 'hostName' | 'hostMac' | 'bridge' | 'vlan'> {
  readonly kind: 'veth' | 'macvlan';
  readonly mac: string;
  /** Of the host's end; null for macvlan, which has none. */
  readonly host: { readonly name: string; readonly mac: string } | null;
  /** A bridge of the host or, of macvlan, the interface that it is on. */
  readonly bridge: string | null;
  /** What it sends without a tag belongs to this one; null: the bridge's usual. */
  readonly vlan: number | null;
}

/** Ports of the host that lead to the container's. */
export interface Publication {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  /** Of the host; null: any that it has. */
  readonly address: string | null;
  readonly ports: PortRange;
  /** The first of as many ports. */
  readonly to: { readonly address: string; readonly port: number };
}

export interface FirewallPlan {
  readonly policyIn: 'accept' | 'drop';
  readonly policyOut: 'accept' | 'drop';
  /** The first that matches decides. */
  readonly rules: readonly FirewallRule[];
}

export interface FirewallRule {
  /** Seen from the container. */
  readonly direction: 'in' | 'out';
  readonly action: 'accept' | 'drop' | 'reject';
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  /** Of the side that is asked; null: any. */
  readonly ports: PortRange | null;
  /** Who is at the other end: a network, or a named set of them; null: anybody. */
  readonly peer: Address | { readonly set: string } | null;
}
