/** The networks and addresses that this host alone knows. Pure. */
import { createHash } from 'node:crypto';
import {
  formatNetwork,
  fromBits,
  type Network,
  overlap,
  parseNetwork,
  sizeOf,
  toBits,
} from '../../config/networks.js';
import { CellaError } from '../../errors.js';

/** The first two are the network's own and the host's, which also stands for itself in a loop back to it. */
const FIRST = 2n;

/** The lowest free address of the network; throws NO_IP where there is none. */
export function allocatePrivate(taken: Iterable<string>, network: Network): string {
  const used = new Set(taken);
  const start = toBits(network.family, network.address);
  const end = endOf(network);
  for (let offset = FIRST; offset < end; offset++) {
    const address = fromBits(network.family, start + offset);
    if (!used.has(address)) return address;
  }
  throw new CellaError('NO_IP', `no address of ${formatNetwork(network)} is free`, {
    hint: 'Set a larger PRIVATE_NETWORK in vz.conf.',
  });
}

/** How many addresses of the network containers can have. */
export function countPrivate(network: Network): bigint {
  const count = endOf(network) - FIRST;
  return count > 0n ? count : 0n;
}

/** The last one of IPv4 is for all hosts. */
function endOf(network: Network): bigint {
  return sizeOf(network) - (network.family === 4 ? 1n : 0n);
}

/** The host's own address in it. */
export function hostAddress({ family, address }: Network): string {
  return fromBits(family, toBits(family, address) + 1n);
}

/** Attempts of each kind. */
const PATIENCE = 10_000;

/**
 * A network of each family that is apart from all of `used`: a /24 of private ones (RFC 1918), and a unique local prefix of
 * /64 (RFC 4193). The same seed, say a machine-id(5), makes the same choice. Throws NO_IP.
 */
export function choosePrivateNetworks(seed: string, used: readonly Network[]): { 4: Network; 6: Network } {
  const free = (text: string): Network | undefined => {
    const network = parseNetwork(text);
    return used.some((other) => overlap(network, other)) ? undefined : network;
  };
  const find = (kind: (hash: Buffer) => string): Network | undefined => {
    for (let attempt = 0; attempt < PATIENCE; attempt++) {
      const found = free(kind(createHash('sha256').update(`${seed}\0${attempt}`).digest()));
      if (found) return found;
    }
    return undefined;
  };
  const four = KINDS.map(find).find(Boolean);
  const six = find(uniqueLocal);
  if (four && six) return { 4: four, 6: six };
  throw new CellaError('NO_IP', 'no private network is free', { hint: 'Set PRIVATE_NETWORK in vz.conf.' });
}

/** Those first of which a host's routes name few. */
const KINDS: readonly ((hash: Buffer) => string)[] = [
  (hash) => `10.${hash[0]}.${hash[1]}.0/24`,
  (hash) => `172.${16 + ((hash[0] ?? 0) % 16)}.${hash[1]}.0/24`,
  (hash) => `192.168.${hash[1]}.0/24`,
];

function uniqueLocal(hash: Buffer): string {
  const groups = hash.subarray(2, 8).toString('hex').match(/..../g) ?? [];
  return `fd${hash.subarray(8, 9).toString('hex')}:${groups.join(':')}::/64`;
}
