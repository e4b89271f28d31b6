/** IP_ADDRESS and NAT_ADDRESS: addresses that are routed to a container. */
import { type Address, formatAddress, parseAddress, parseHost } from './address.js';
import { expectUnicast } from './networks.js';
import { checked, list } from './value-type.js';
import { bad } from './values.js';

const SPLIT = /[\s,]+/;

/** Each once; a mask is kept for other tools, since each address is routed by itself. */
export const ADDRESSES = checked(
  list('ADDRESS[/MASK]', (text) => expectUnicast(parseAddress(text)), formatAddress, {
    split: SPLIT,
    keyOf: (item) => parseAddress(item).address,
    key: (text) => parseAddress(text).address,
  }),
  expectDifferent,
);

/** At most one of each family. */
export const PRIVATE_ADDRESSES = checked(
  list('ADDRESS', (text) => expectUnicast(parseAddress(parseHost(text))), formatAddress, { split: SPLIT }),
  (addresses) => {
    const second = addresses.find(
      ({ family }, at) => addresses.findIndex((one) => one.family === family) < at,
    );
    if (second) throw bad('BAD_ADDRESS', `one address of IPv${second.family} expected`, second.address);
  },
);

/** Throws BAD_ADDRESS for one that is there twice. */
export function expectDifferent(addresses: readonly Address[]): void {
  const seen = new Set<string>();
  for (const { address } of addresses) {
    if (seen.has(address)) throw bad('BAD_ADDRESS', 'an address is there twice', address);
    seen.add(address);
  }
}
