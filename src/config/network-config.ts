/** How a container is on the network, from vz.conf and CTID.conf. */

import { CellaError } from '../errors.js';
import type { Address } from './address.js';
import { ADDRESSES, expectDifferent, PRIVATE_ADDRESSES } from './addresses.js';
import { FIREWALL, type FilterRule, POLICY } from './firewall.js';
import { addressesOf, type Interface, NETIF, trunksOf } from './interfaces.js';
import { PUBLISH, type Published } from './ports.js';
import { RATE, type Shaping, shapingOf } from './rates.js';
import type { SettingReader } from './setting-reader.js';
import { COUNT, YES_NO } from './value-type.js';

export interface NetworkConfig {
  /** Routed to it, each by itself whatever its mask. */
  readonly addresses: readonly Address[];
  /** Addresses known to this host alone; undefined: where ports are published to it and it has no other. */
  readonly nat: boolean | undefined;
  /** Those that it was given, at most one of each family, without masks. */
  readonly natAddresses: readonly Address[];
  /** Whether its /etc/hosts names the other containers on the private network; undefined: it is left alone. */
  readonly natNames: boolean | undefined;
  readonly published: readonly Published[];
  readonly interfaces: readonly NetworkInterface[];
  readonly firewall: FirewallConfig;
  /** Null: as fast as it goes. */
  readonly shaping: Shaping | null;
}

export interface NetworkInterface {
  readonly name: string;
  readonly mac: string | undefined;
  /** Of the host's end, as the next one. */
  readonly hostName: string | undefined;
  readonly hostMac: string | undefined;
  /** `routed`: a pair that is on no bridge. */
  readonly type: 'bridged' | 'routed' | 'macvlan';
  /** A bridge of the host or, of macvlan, the interface that it is on. */
  readonly bridge: string | undefined;
  /** Each with a prefix length. */
  readonly addresses: readonly (Address & { readonly prefix: number })[];
  readonly gateways: readonly string[];
  readonly dhcp4: boolean;
  readonly dhcp6: boolean;
  /** Whether it gets its addresses from outside; else that is the guest's business. */
  readonly configure: boolean;
  /** Only its own hardware address may be used. */
  readonly macFilter: boolean;
  /** Only `addresses` may be used. */
  readonly ipFilter: boolean;
  /** It reaches no other isolated port of its bridge. */
  readonly isolated: boolean;
  readonly vlan: number | undefined;
  /** VLANs that it may use with a tag. */
  readonly trunks: readonly number[];
}

export interface FirewallConfig {
  readonly policyIn: 'accept' | 'drop';
  readonly policyOut: 'accept' | 'drop';
  /** The first that matches decides. */
  readonly rules: readonly FilterRule[];
}

export function readNetwork(reader: SettingReader): NetworkConfig {
  const config: NetworkConfig = {
    addresses: reader.read('IP_ADDRESS', ADDRESSES.parse) ?? [],
    nat: reader.read('NAT', YES_NO.parse),
    natAddresses: reader.read('NAT_ADDRESS', PRIVATE_ADDRESSES.parse) ?? [],
    natNames: reader.read('NAT_NAMES', YES_NO.parse),
    published: reader.read('PUBLISH', PUBLISH.parse) ?? [],
    interfaces: (reader.read('NETIF', NETIF.parse) ?? []).map(typed),
    firewall: {
      policyIn: reader.read('FIREWALL_IN', POLICY.parse) ?? 'accept',
      policyOut: reader.read('FIREWALL_OUT', POLICY.parse) ?? 'accept',
      rules: reader.read('FIREWALL', FIREWALL.parse) ?? [],
    },
    shaping: readShaping(reader),
  };
  complain(reader, config);
  return config;
}

/** RATEBOUND="no" says of OpenVZ's form that it is a share that may be passed, of which there are none here. */
function readShaping(reader: SettingReader): Shaping | null {
  const rates = reader.read('RATE', RATE.parse) ?? [];
  const bound = reader.read('RATEBOUND', YES_NO.parse) ?? true;
  const wanted = reader.read('TRAFFIC_SHAPING', YES_NO.parse) ?? true;
  return wanted ? shapingOf(rates.filter(({ kind }) => bound || kind === 'both')) : null;
}

/** What single values do not show. */
function complain(reader: SettingReader, { addresses, natAddresses, interfaces }: NetworkConfig): void {
  const allowed = reader.read('NUMNETIF', COUNT.parse);
  if (allowed !== undefined && interfaces.length > allowed)
    reader.complain('NETIF', `NUMNETIF allows ${allowed}, and there are ${interfaces.length}`);
  const own = interfaces.flatMap((each) => each.addresses);
  try {
    expectDifferent([...addresses, ...natAddresses, ...own]);
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    reader.complain(own.length > 0 ? 'NETIF' : 'NAT_ADDRESS', error.message);
  }
}

/** OpenVZ's where there is none. */
const USUAL_PREFIX = { 4: 24, 6: 64 } as const;

function typed(fields: Interface): NetworkInterface {
  const addresses = addressesOf(fields).map((each) => ({
    ...each,
    prefix: each.prefix ?? USUAL_PREFIX[each.family],
  }));
  const [dhcp4, dhcp6] = [fields.get('dhcp') === 'yes', fields.get('dhcp6') === 'yes'];
  const configure = fields.get('configure') !== 'none';
  const type = (fields.get('type') ?? 'bridged') as NetworkInterface['type'];
  const isFixed = configure && addresses.length > 0 && !dhcp4 && !dhcp6;
  return {
    name: fields.get('ifname') ?? '',
    mac: fields.get('mac'),
    hostName: fields.get('host_ifname'),
    hostMac: fields.get('host_mac'),
    type,
    bridge: type === 'routed' ? undefined : fields.get('bridge') || undefined,
    addresses,
    gateways: [fields.get('gw'), fields.get('gw6')].flatMap((each) =>
      !each || each === 'none' ? [] : [each],
    ),
    dhcp4,
    dhcp6,
    configure,
    macFilter: fields.get('mac_filter') !== 'off',
    // Whatever else it used would be somebody else's.
    ipFilter: (fields.get('ip_filter') ?? (isFixed ? 'on' : 'off')) === 'on',
    isolated: fields.get('isolated') === 'yes',
    vlan: fields.get('vlan') ? Number(fields.get('vlan')) : undefined,
    trunks: trunksOf(fields),
  };
}
