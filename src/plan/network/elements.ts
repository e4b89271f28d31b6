/** What a container's network is in the sets and maps of our table (`ruleset.ts`): pure. */
import type { NetworkPlan, Publication, RoutedAddress, VenetPlan } from './network-plan.js';

/** Part of a key or of data, in the order of the set's type. */
export type Part =
  | { readonly type: 'interface'; readonly name: string }
  | { readonly type: 'address'; readonly address: string }
  | { readonly type: 'protocol'; readonly protocol: 'tcp' | 'udp' }
  | { readonly type: 'port'; readonly port: number };

export interface Element {
  readonly set: string;
  readonly key: readonly Part[];
  /** Of a map. */
  readonly data?: readonly Part[];
}

const address = (text: string): Part => ({ type: 'address', address: text });
const port = (number: number): Part => ({ type: 'port', port: number });

/** All but the published ports. */
export function addressElements({ hostName, addresses }: VenetPlan): readonly Element[] {
  return addresses.flatMap((at) => elementsOf(hostName, at));
}

function elementsOf(hostName: string, at: RoutedAddress): readonly Element[] {
  const own = address(at.address);
  return [
    { set: `sent${at.family}`, key: [{ type: 'interface', name: hostName }, own] },
    { set: `received${at.family}`, key: [own] },
    { set: `local${at.family}`, key: [own] },
    { set: `hairpin${at.family}`, key: [own, own] },
    ...(at.private ? [{ set: `private${at.family}`, key: [own] }] : []),
  ];
}

/** One for each port. */
export function portElements(published: readonly Publication[]): readonly Element[] {
  return published.flatMap((at) =>
    Array.from({ length: at.ports.last - at.ports.first + 1 }, (_, offset) => portElement(at, offset)),
  );
}

function portElement({ family, protocol, address: outer, ports, to }: Publication, offset: number): Element {
  const key: readonly Part[] = [{ type: 'protocol', protocol }, port(ports.first + offset)];
  return {
    set: outer === null ? `any${family}` : `ports${family}`,
    key: outer === null ? key : [address(outer), ...key],
    data: [address(to.address), port(to.port + offset)],
  };
}

export function elements({ venet, published }: NetworkPlan): readonly Element[] {
  return [...(venet ? addressElements(venet) : []), ...portElements(published)];
}
