/** The host's settings of the network, in vz.conf alone. */
import { parseInterfaceName } from './devices.js';
import { expectUnicast, type Network, parseNetwork, sizeOf } from './networks.js';
import type { SettingReader } from './setting-reader.js';
import { plain, YES_NO } from './value-type.js';
import { bad } from './values.js';

export interface HostNetwork {
  /** Interfaces of the host on which it answers for its containers; `detect`: those in whose networks they are. */
  readonly neighbourDevices: 'all' | 'detect' | readonly string[];
  /** Whether it asks before a start if anybody else has an address. */
  readonly probesAddresses: boolean;
  /** Whether a container does not start where somebody has. */
  readonly refusesUsed: boolean;
  /** At most one of each family; empty: free ones are chosen. */
  readonly privateNetworks: readonly Network[];
  /** Whether private addresses of IPv6 are given out. */
  readonly ipv6: boolean;
}

export const NEIGHBOUR_DEVS = plain(
  'all|detect|list:NAME…',
  (text): HostNetwork['neighbourDevices'] => {
    if (text === 'all' || text === 'detect') return text;
    const names =
      /^list:(.*)$/
        .exec(text)?.[1]
        ?.split(/[\s,]+/)
        .filter(Boolean) ?? [];
    if (names.length === 0) throw bad('BAD_VALUE', 'all, detect or list:NAME… expected', text);
    return names.map(parseInterfaceName);
  },
  true,
);

/** Of less no container would have an address besides the host's. */
const SMALLEST = 8n;

export const PRIVATE_NETWORK = plain(
  'NETWORK[ NETWORK]',
  (text): readonly Network[] => {
    const networks = text
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(parseNetwork);
    for (const network of networks) {
      expectUnicast(network);
      if (sizeOf(network) < SMALLEST)
        throw bad('BAD_ADDRESS', 'a network of eight addresses or more expected', text);
    }
    const [first, second] = networks;
    if (!first || networks.length > 2 || first.family === second?.family)
      throw bad('BAD_ADDRESS', 'one network of each family expected', text);
    return networks;
  },
  true,
);

export function readHostNetwork(reader: SettingReader): HostNetwork {
  return {
    neighbourDevices: reader.read('NEIGHBOUR_DEVS', NEIGHBOUR_DEVS.parse) ?? 'detect',
    probesAddresses: !(reader.read('SKIP_ARPDETECT', YES_NO.parse) ?? false),
    refusesUsed: reader.read('ERROR_ON_ARPFAIL', YES_NO.parse) ?? true,
    privateNetworks: reader.read('PRIVATE_NETWORK', PRIVATE_NETWORK.parse) ?? [],
    ipv6: reader.read('IPV6', YES_NO.parse) ?? true,
  };
}
