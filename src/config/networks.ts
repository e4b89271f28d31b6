/** Networks and the arithmetic of addresses. Pure. */
import { type Address, parseAddress } from './address.js';
import { bad } from './values.js';

export interface Network {
  readonly family: 4 | 6;
  /** The first one of it, in its shortest form. */
  readonly address: string;
  readonly prefix: number;
}

const WIDTH = { 4: 32, 6: 128 } as const;

/** `ADDRESS[/BITS]` without bits beyond the mask; one address alone is a network too. Throws BAD_ADDRESS. */
export function parseNetwork(text: string): Network {
  const { family, address, prefix = WIDTH[family] } = parseAddress(text);
  const network = networkOf({ family, address, prefix });
  if (network.address !== address)
    throw bad('BAD_ADDRESS', `address has bits beyond its mask, ${formatNetwork(network)} has not`, text);
  return network;
}

export function formatNetwork({ address, prefix }: Network): string {
  return `${address}/${prefix}`;
}

/** The network that an address is in; without a mask that is the address alone. */
export function networkOf({ family, address, prefix = WIDTH[family] }: Address): Network {
  const beyond = BigInt(WIDTH[family] - prefix);
  return { family, address: fromBits(family, (toBits(family, address) >> beyond) << beyond), prefix };
}

/** Whether the address, or all of the network, is in another one. */
export function isWithin(
  outer: Network,
  { family, address, prefix = WIDTH[family] }: Pick<Address, 'family' | 'address'> & Partial<Address>,
): boolean {
  if (family !== outer.family || prefix < outer.prefix) return false;
  return networkOf({ family, address, prefix: outer.prefix }).address === outer.address;
}

export function overlap(one: Network, other: Network): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

/** How many addresses there are in it. */
export function sizeOf({ family, prefix }: Network): bigint {
  return 1n << BigInt(WIDTH[family] - prefix);
}

/** An address as a number; it must be one that `parseAddress` returned. */
export function toBits(family: 4 | 6, address: string): bigint {
  if (family === 4) return address.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
  const [head = '', tail] = address.split('::').map((half) => half.split(':').filter(Boolean).join(':'));
  const groups = (half: string | undefined): readonly string[] => (half ? half.split(':') : []);
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** In the shortest form. */
export function fromBits(family: 4 | 6, bits: bigint): string {
  const part = (index: number, size: number): number =>
    Number((bits >> BigInt(index * size)) & ((1n << BigInt(size)) - 1n));
  if (family === 4) return [3, 2, 1, 0].map((index) => part(index, 8)).join('.');
  const groups = [7, 6, 5, 4, 3, 2, 1, 0].map((index) => part(index, 16).toString(16));
  return parseAddress(groups.join(':')).address;
}

/** Never an interface's own on a network of several hosts. */
const SPECIAL: readonly (readonly [network: string, what: string])[] = [
  ['0.0.0.0/8', 'nobody'],
  ['127.0.0.0/8', 'every loopback'],
  ['169.254.0.0/16', 'a link'],
  ['224.0.0.0/4', 'a group'],
  ['240.0.0.0/4', 'nobody'],
  ['::/127', 'every loopback'],
  ['::ffff:0:0/96', 'IPv4 in that of IPv6'],
  ['fe80::/10', 'a link'],
  ['ff00::/8', 'a group'],
];
const SPECIAL_NETWORKS = SPECIAL.map(([text, what]) => [parseNetwork(text), what] as const);

/** Throws BAD_ADDRESS for what cannot be the address of a host. */
export function expectUnicast<T extends Pick<Address, 'family' | 'address'>>(address: T): T {
  const found = SPECIAL_NETWORKS.find(([network]) =>
    isWithin(network, { family: address.family, address: address.address }),
  );
  if (found) throw bad('BAD_ADDRESS', `address of ${found[1]}, not of one host`, address.address);
  return address;
}
