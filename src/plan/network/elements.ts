/** What a container's network is in the sets and maps of our table (`ruleset.ts`): pure. */
import { CLASSES } from '../../config/traffic-classes.js';
import type { NetworkPlan, Publication, RoutedAddress, VenetPlan } from './network-plan.js';

/** Part of a key or of data, in the order of the set's type. */
export type Part =
  | { readonly type: 'interface'; readonly name: string }
  | { readonly type: 'address'; readonly address: string }
  | { readonly type: 'mac'; readonly mac: string }
  | { readonly type: 'protocol'; readonly protocol: 'tcp' | 'udp' }
  | { readonly type: 'port'; readonly port: number };

export interface Element {
  readonly set: string;
  readonly key: readonly Part[];
  /** Of a map. */
  readonly data?: readonly Part[];
  /** Of a map of verdicts: where a packet goes. */
  readonly chain?: string;
}

const address = (text: string): Part => ({ type: 'address', address: text });
const port = (number: number): Part => ({ type: 'port', port: number });

/** All but the published ports. */
export function addressElements(venet: VenetPlan | null): readonly Element[] {
  return venet?.addresses.flatMap((at) => elementsOf(venet.hostName, at)) ?? [];
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

export interface CountedElements {
  readonly address: string;
  /** Of traffic; null: all of it. */
  readonly class: number | null;
  readonly sent: Element;
  readonly received: Element;
}

/** Those that count what goes through; of a class there are none before its first packet. */
export function countedElements({ hostName, addresses }: VenetPlan): readonly CountedElements[] {
  return addresses.flatMap(({ family, address: own }) => {
    const key = [address(own)];
    const sent = { set: `sent${family}`, key: [{ type: 'interface', name: hostName } as const, ...key] };
    const ofClass = (number: number): CountedElements => ({
      address: own,
      class: number,
      sent: { set: `sent${family}-${number}`, key },
      received: { set: `received${family}-${number}`, key },
    });
    const all = { address: own, class: null, sent, received: { set: `received${family}`, key } };
    return [all, ...CLASSES.map(ofClass)];
  });
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

/** What an element of `portElements` says of the host. */
export function portOf({ set, key }: Element): {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string | null;
  readonly port: number;
} {
  const found = Object.fromEntries(key.map((part) => [part.type, part])) as {
    readonly [T in Part['type']]?: Extract<Part, { readonly type: T }>;
  };
  return {
    family: set.endsWith('4') ? 4 : 6,
    protocol: found.protocol?.protocol ?? 'tcp',
    address: found.address?.address ?? null,
    port: found.port?.port ?? 0,
  };
}

export function elements({ venet, published }: NetworkPlan): readonly Element[] {
  return [...addressElements(venet), ...portElements(published)];
}
