/**
 * What a guest has set up of its network beyond what its config says, as `ip` and `nft` list it in JSON, and what is to be
 * said to them for it to be there again. Pure. Of what a guest may name in its own way only what is harmless is taken.
 */
import type { NetworkPlan } from '../network/network-plan.js';

export interface GuestNetwork {
  /** For `ip -batch`. */
  readonly lines: readonly string[];
  /** For `nft -j -f`; null: it has no rules. */
  readonly rules: string | null;
}

/** What the tools say. */
export interface Listings {
  readonly addresses: string;
  /** Of IPv4, and of IPv6: of all tables. */
  readonly routes: readonly [string, string];
  readonly rules: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Links that it did not make are those of its config, which are made again; what is on others is not kept. */
export function guestNetwork(listings: Listings, plan: NetworkPlan | undefined): GuestNetwork {
  const names = new Set(['lo', 'venet0', ...(plan?.interfaces ?? []).map(({ name }) => name)]);
  const ours = new Set([
    '127.0.0.1',
    '::1',
    ...(plan?.venet?.addresses ?? []).map(({ address }) => address),
    ...(plan?.interfaces ?? []).flatMap(({ addresses }) => addresses.map(({ address }) => address)),
  ]);
  const addresses = list(listings.addresses)
    .filter(({ ifname }) => names.has(String(ifname)))
    .flatMap(({ ifname, addr_info }) =>
      array(addr_info).flatMap((at) => addressLine(String(ifname), at, ours)),
    );
  const gateways = new Set((plan?.interfaces ?? []).flatMap((each) => each.gateways));
  const isOurs = ({ dst, table, prefsrc, gateway }: Json): boolean =>
    dst === 'default' && table === undefined && (ours.has(String(prefsrc)) || gateways.has(String(gateway)));
  const routes = listings.routes.flatMap((text, i) =>
    list(text)
      .filter((route) => !isOurs(route))
      .flatMap((route) => routeOf(route, names, i === 0 ? '0.0.0.0/0' : '::/0')),
  );
  // A gateway has to be reachable when it is named.
  const ordered = routes.toSorted((a, b) => Number(a.includes(' via ')) - Number(b.includes(' via ')));
  return { lines: [...addresses, ...ordered], rules: rulesOf(listings.rules) };
}

/** rtnetlink(7): scopes, protocols and tables. */
const [LINK, KERNEL, ADVERTISED, LOCAL] = ['253', '2', '9', '255'];
const FOREVER = 4_294_967_295;

function addressLine(dev: string, at: Json, ours: ReadonlySet<string>): readonly string[] {
  const { family, local, address, prefixlen, scope } = at;
  const isSix = family === 'inet6';
  // The kernel, or a router, gives it these again.
  if (isSix && (scope === LINK || at.temporary || at.mngtmpaddr)) return [];
  if (!isAddress(local) || !isCount(prefixlen) || ours.has(local)) return [];
  return line(
    `address replace ${isAddress(address) ? `${local} peer ${address}` : local}/${prefixlen} dev ${dev}`,
    ['broadcast', isAddress(at.broadcast) && at.broadcast],
    ['label', isLabel(at.label, dev) && at.label],
    ['scope', isNumber(scope) && !isSix && scope],
    ['valid_lft', isCount(at.valid_life_time) && at.valid_life_time !== FOREVER && at.valid_life_time],
    [
      'preferred_lft',
      isCount(at.preferred_life_time) && at.preferred_life_time !== FOREVER && at.preferred_life_time,
    ],
    ['noprefixroute', at.noprefixroute === true && ''],
    ['nodad', isSix && ''],
  );
}

/** Numbers of types that lead nowhere. */
const NOWHERE: Readonly<Record<string, string>> = { 6: 'blackhole', 7: 'unreachable', 8: 'prohibit' };

function routeOf(route: Json, names: ReadonlySet<string>, all: string): readonly string[] {
  const { dst, dev, gateway, type = '1', protocol, table, metrics } = route;
  const nowhere = NOWHERE[String(type)];
  const isKept = (type === '1' || nowhere !== undefined) && protocol !== KERNEL && protocol !== ADVERTISED;
  if (!isKept || table === LOCAL || route.nexthops !== undefined || route.via !== undefined) return [];
  if (nowhere === undefined && !names.has(String(dev))) return [];
  const to = dst === 'default' ? all : dst;
  if (!isPrefix(to)) return [];
  const [first] = array(metrics);
  const flags: unknown = route.flags;
  return line(
    `route replace${nowhere === undefined ? '' : ` ${nowhere}`} ${to}`,
    ['via', isAddress(gateway) && gateway],
    ['dev', nowhere === undefined && String(dev)],
    ['table', isNumber(table) && table],
    ['proto', isNumber(protocol) && protocol],
    ['scope', isNumber(route.scope) && route.scope],
    ['src', isAddress(route.prefsrc) && route.prefsrc],
    ['metric', isCount(route.metric) && route.metric],
    ['mtu', isCount(first?.mtu) && first.mtu],
    ['onlink', Array.isArray(flags) && flags.includes('onlink') && ''],
  );
}

type Option = readonly [string, string | number | false];

function line(first: string, ...options: readonly Option[]): readonly string[] {
  const words = options.flatMap(([name, value]) => (value === false ? [] : [`${name} ${value}`.trim()]));
  return [[first, ...words].join(' ')];
}

const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && /^[\da-f.:]+$/i.test(value);
const isPrefix = (value: unknown): value is string =>
  typeof value === 'string' && /^[\da-f.:]+(\/\d{1,3})?$/i.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isNumber = (value: unknown): value is string => typeof value === 'string' && /^\d{1,10}$/.test(value);
const isLabel = (value: unknown, dev: string): value is string =>
  typeof value === 'string' && value !== dev && /^[\w.:-]+$/.test(value);

/** All but CRIU's own, which it holds the network by. */
function rulesOf(text: string): string | null {
  if (text.trim() === '') return null;
  const { nftables } = JSON.parse(text) as Json;
  const kept = array(nftables).filter((item) => {
    const [[kind = '', value] = []] = Object.entries(item);
    const { table, name } = (value ?? {}) as Json;
    return kind !== 'metainfo' && !String(kind === 'table' ? name : table).startsWith('CRIU');
  });
  return kept.length === 0 ? null : JSON.stringify({ nftables: kept });
}

const list = (text: string): readonly Json[] => (text.trim() === '' ? [] : array(JSON.parse(text)));
const array = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
