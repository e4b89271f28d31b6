/** A container's config → what its network is to be. Pure. */
import { familyOf } from '../../config/address.js';
import type { ContainerConfig } from '../../config/container-config.js';
import type { FilterRule } from '../../config/firewall.js';
import type { NetworkConfig, NetworkInterface } from '../../config/network-config.js';
import { isWithin, type Network } from '../../config/networks.js';
import { CellaError } from '../../errors.js';
import { ifbName, macOf, type Place, venetName, vethName } from './names.js';
import type {
  FirewallPlan,
  FirewallRule,
  InterfacePlan,
  NetworkPlan,
  Publication,
  RoutedAddress,
  VenetPlan,
} from './network-plan.js';

export interface NetworkFacts extends Place {
  /** At most one of each family. */
  readonly privateNetworks: readonly Network[];
  /** Private addresses that it has been given, without masks; those of the config until it gets others. */
  readonly natAddress: readonly string[];
}

/** Throws IP_FAILED where ports are published and it has no address for them. */
export function planNetwork(config: ContainerConfig, facts: NetworkFacts): NetworkPlan {
  const { ctid, network } = config;
  const addresses = routedAddresses(network, facts);
  return {
    ctid,
    venet: planVenet(ctid, addresses, facts),
    interfaces: planInterfaces(ctid, network.interfaces, facts),
    published: planPublished(network, addresses),
    firewall: planFirewall(network),
    shaping: network.shaping && { ...network.shaping, ifb: ifbName(ctid, facts.rootGroup) },
  };
}

/** Of which families a container is to have private addresses. */
export function wantedPrivate(
  { addresses, nat, published }: Pick<NetworkConfig, 'addresses' | 'nat' | 'published'>,
  networks: readonly Network[],
): readonly Network[] {
  if (nat !== undefined) return nat ? networks : [];
  const has = (family: 4 | 6): boolean => addresses.some((each) => each.family === family);
  const bare = addresses.length === 0;
  return networks.filter(
    ({ family }) =>
      !has(family) && published.some((each) => each.family === family || (each.family === null && bare)),
  );
}

/** Those of networks that this host has no more are left out: it gets others. */
export function keptPrivate(natAddresses: readonly string[], wanted: readonly Network[]): readonly string[] {
  return natAddresses.filter((address) =>
    wanted.some((network) => isWithin(network, { family: familyOf(address), address })),
  );
}

function routedAddresses(network: NetworkConfig, facts: NetworkFacts): readonly RoutedAddress[] {
  const wanted = wantedPrivate(network, facts.privateNetworks);
  return [
    ...network.addresses.map(({ family, address }) => ({ family, address, private: false })),
    ...keptPrivate(facts.natAddress, wanted).map((address) => ({
      family: familyOf(address),
      address,
      private: true,
    })),
  ];
}

function planVenet(ctid: number, addresses: readonly RoutedAddress[], place: Place): VenetPlan | null {
  if (addresses.length === 0) return null;
  const hostName = venetName(ctid, place.rootGroup);
  return { hostName, mac: macOf(place, ctid, 'venet0', 'both'), addresses };
}

function planInterfaces(
  ctid: number,
  interfaces: readonly NetworkInterface[],
  place: Place,
): readonly InterfacePlan[] {
  const taken = new Set(interfaces.flatMap(({ hostName }) => hostName ?? []));
  return interfaces.map((each): InterfacePlan => {
    const { name, type, hostName, hostMac, mac, bridge, vlan, ...rest } = each;
    const own = hostName ?? vethName(ctid, name, { rootGroup: place.rootGroup, taken });
    taken.add(own);
    const host = { name: own, mac: hostMac ?? macOf(place, ctid, name, 'host') };
    return {
      ...rest,
      kind: type === 'macvlan' ? 'macvlan' : 'veth',
      name,
      mac: mac ?? macOf(place, ctid, name, 'container'),
      host: type === 'macvlan' ? null : host,
      bridge: bridge ?? null,
      vlan: vlan ?? null,
    };
  });
}

/** A port without a family leads to the addresses of both, as far as there are; to a private one before another. */
function planPublished(
  { published }: NetworkConfig,
  addresses: readonly RoutedAddress[],
): readonly Publication[] {
  const targets = ([4, 6] as const).flatMap((family) => {
    const own = addresses.filter((each) => each.family === family);
    const address = (own.find((each) => each.private) ?? own[0])?.address;
    return address === undefined ? [] : [{ family, address }];
  });
  return published.flatMap(({ family, address, protocol, ports, to }) => {
    const fitting = targets.filter((each) => family === null || each.family === family);
    if (fitting.length === 0)
      throw new CellaError(
        'IP_FAILED',
        `port ${ports.first} is published, but the container has no address${family ? ` of IPv${family}` : ''}`,
        { hint: 'Give it one with --ipadd, or --nat yes.' },
      );
    return fitting.map((target) => ({
      family: target.family,
      protocol,
      address,
      ports,
      to: { address: target.address, port: to },
    }));
  });
}

function planFirewall({ firewall }: NetworkConfig): FirewallPlan | null {
  const { policyIn, policyOut, rules } = firewall;
  if (policyIn === 'accept' && policyOut === 'accept' && rules.length === 0) return null;
  return { policyIn, policyOut, rules: rules.flatMap(planRule) };
}

function planRule({ direction, action, protocol, ports, peer }: FilterRule): readonly FirewallRule[] {
  const rule = { direction, action, protocol, peer };
  return ports.length === 0 ? [{ ...rule, ports: null }] : ports.map((range) => ({ ...rule, ports: range }));
}
