/** Ports of TCP and UDP, and PUBLISH: those of the host that lead to a container's. */
import { parseAddress, parseHost } from './address.js';
import { expectUnicast } from './networks.js';
import { checked, list } from './value-type.js';
import { bad, parseWhole, parseWord } from './values.js';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type Protocol = 'tcp' | 'udp';

export interface Published {
  /** Null: of both, as far as the container has both. */
  readonly family: 4 | 6 | null;
  /** Of the host; null: any that it has. */
  readonly address: string | null;
  readonly protocol: Protocol;
  readonly ports: PortRange;
  /** The first of as many ports of the container. */
  readonly to: number;
}

type Outside = Omit<Published, 'to'>;

const HIGHEST = 65_535;
const FORM = '[ADDRESS:]PORT[-PORT]:PORT[/tcp|udp]';
const HOST = String.raw`(?:(\d+(?:\.\d+)+|\[[^\]]*\]):)?`;
const PORTS = String.raw`(\d+(?:-\d+)?)`;
const PROTOCOL = '(?:/([a-z]+))?';
const WHOLE = new RegExp(`^${HOST}${PORTS}:${PORTS}${PROTOCOL}$`);
const WITHOUT_TARGET = new RegExp(`^${HOST}${PORTS}${PROTOCOL}$`);

/** One of two that are alike takes the place of the other; `--unpublish` needs no port of the container. */
export const PUBLISH = checked(
  list(FORM, parsePublished, formatPublished, {
    itemsOf: /[\s,]+/,
    keyOf: (item) => keyOf(parsePublished(item)),
    key: (text) =>
      keyOf(WITHOUT_TARGET.test(text) ? parseOutside(WITHOUT_TARGET, text) : parsePublished(text)),
  }),
  (all) => {
    for (const [index, one] of all.entries()) {
      const other = all.slice(0, index).find((before) => collide(one, before));
      if (other) throw bad('BAD_VALUE', `${keyOf(other)} is published already`, formatPublished(one));
    }
  },
);

/** Whether the host could not tell which of the two a packet is for. */
export function collide(one: Published, other: Published): boolean {
  return (
    one.protocol === other.protocol &&
    one.ports.first <= other.ports.last &&
    other.ports.first <= one.ports.last &&
    (one.family === null || other.family === null || one.family === other.family) &&
    (one.address === null || other.address === null || one.address === other.address)
  );
}

/** `PORT[-PORT]`, from 1 to 65535; throws BAD_VALUE. */
export function parsePorts(text: string): PortRange {
  const [low = '', high = low, ...rest] = text.split('-');
  const port = (part: string): number => parseWhole(part, HIGHEST, 'a port from 1 to 65535 expected', 1);
  const [first, last] = [port(low), port(high)];
  if (rest.length > 0 || first > last)
    throw bad('BAD_VALUE', 'ports from a lower to a higher one expected', text);
  return { first, last };
}

export function formatPorts({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function parsePublished(text: string): Published {
  const outside = parseOutside(WHOLE, text);
  const to = parsePorts(WHOLE.exec(text)?.[3] ?? '');
  const more = outside.ports.last - outside.ports.first;
  if (to.first !== to.last && to.last - to.first !== more)
    throw bad('BAD_VALUE', 'as many ports of the container as of the host expected', text);
  if (to.first + more > HIGHEST) throw bad('BAD_VALUE', 'ports of the container would go beyond 65535', text);
  return { ...outside, to: to.first };
}

/** What tells one from another. */
function parseOutside(pattern: RegExp, text: string): Outside {
  const parts = pattern.exec(text);
  if (!parts) throw bad('BAD_VALUE', `${FORM} expected`, text);
  const protocol = parseWord(parts.at(-1) ?? 'tcp', ['tcp', 'udp'] as const);
  return { ...parseWhere(parts[1]), protocol, ports: parsePorts(parts[2] ?? '') };
}

/** `0.0.0.0` and `[::]`: any of its family. */
function parseWhere(host: string | undefined): Pick<Published, 'family' | 'address'> {
  if (host === undefined) return { family: null, address: null };
  const inBrackets = host.startsWith('[');
  const { family, address } = parseAddress(parseHost(inBrackets ? host.slice(1, -1) : host));
  if (inBrackets !== (family === 6)) throw bad('BAD_ADDRESS', 'IPv6 alone stands in brackets', host);
  if (address === '0.0.0.0' || address === '::') return { family, address: null };
  return { family, address: expectUnicast({ family, address, prefix: undefined }).address };
}

function keyOf({ family, address, protocol, ports }: Outside): string {
  const host = address ?? (family === null ? '' : family === 4 ? '0.0.0.0' : '::');
  const where = host === '' ? '' : `${family === 6 ? `[${host}]` : host}:`;
  return `${where}${formatPorts(ports)}/${protocol}`;
}

function formatPublished(published: Published): string {
  return keyOf(published).replace('/', `:${published.to}/`);
}
