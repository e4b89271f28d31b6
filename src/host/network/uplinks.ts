/** The interfaces of this host where somebody may ask for a container's address, and what makes the host a router. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { familyOf } from '../../config/address.js';
import { CellaError, isErrno } from '../../errors.js';
import type { RoutedAddress } from '../../plan/network/network-plan.js';
import { findLink, type Link, listLinks, NOARP, UP } from '../netlink/links.js';
import { deleteProxy, newProxy } from '../netlink/neighbours.js';
import { PROTOCOL, request } from '../netlink/request.js';
import { findRoute } from '../netlink/routes.js';
import { GROUP } from './venet.js';

/** `detect`: where the address is one of the network. */
export type UplinkPolicy = 'all' | 'detect' | readonly string[];

export interface Uplink {
  readonly index: number;
  readonly name: string;
  readonly mac: string;
}

/** An interface that answers for an address. */
export interface Answering {
  readonly uplink: Uplink;
  readonly address: RoutedAddress;
}

/** Who has to answer for which of these addresses, before there are routes to them. */
export async function findUplinks(
  addresses: readonly RoutedAddress[],
  policy: UplinkPolicy,
): Promise<readonly Answering[]> {
  const found: Answering[] = [];
  for (const address of addresses.filter((at) => !at.private))
    for (const uplink of await uplinksOf(address, policy)) found.push({ uplink, address });
  return found;
}

async function uplinksOf(address: RoutedAddress, policy: UplinkPolicy): Promise<readonly Uplink[]> {
  if (policy === 'detect') return detect(address);
  if (policy !== 'all') return named(policy);
  const isWired = ({ flags, group, mac }: Link): boolean =>
    (flags & UP) !== 0 &&
    (flags & NOARP) === 0 &&
    group !== GROUP &&
    mac !== '' &&
    mac !== '00:00:00:00:00:00';
  return (await listLinks()).filter(isWired);
}

/** The way there leads to a network of this host itself. */
async function detect(address: RoutedAddress): Promise<readonly Uplink[]> {
  const route = await findRoute(address);
  if (!route?.destination || route.gateway !== undefined) return [];
  const link = await findLink(route.oif);
  return link && link.mac !== '' ? [link] : [];
}

async function named(names: readonly string[]): Promise<readonly Uplink[]> {
  const links = await Promise.all(names.map((name) => findLink(name)));
  for (const [at, link] of links.entries())
    if (!link) throw new CellaError('NETDEV_FAILED', `this host has no network interface '${names[at]}'`);
  return links.filter((link) => link !== undefined);
}

/** Has the uplinks answer for the addresses. */
export async function addProxies(answering: readonly Answering[]): Promise<void> {
  for (const { uplink, address } of answering) answerAtOnce(uplink.name, address.family);
  await request(
    PROTOCOL.route,
    answering.map(({ uplink, address }) => newProxy({ index: uplink.index, address: address.address })),
  );
}

/** Has those answer once more that are still there; returns them. */
export async function restoreProxies(
  proxies: readonly { readonly index: number; readonly address: string }[],
): Promise<readonly Answering[]> {
  const answering: Answering[] = [];
  for (const { index, address } of proxies) {
    const uplink = await findLink(index);
    // Nobody answers for a private one.
    if (uplink) answering.push({ uplink, address: { family: familyOf(address), address, private: false } });
  }
  await addProxies(answering);
  return answering;
}

export async function removeProxies(
  answering: readonly { readonly index: number; readonly address: string }[],
): Promise<void> {
  await request(PROTOCOL.route, answering.map(deleteProxy), { accept: ['ENOENT', 'ENODEV'] });
}

/** The usual is to wait up to 0.8 seconds, and for IPv6 not to answer for others at all (ip-sysctl, proxy_delay). */
function answerAtOnce(name: string, family: 4 | 6): void {
  const version = family === 4 ? 'ipv4' : 'ipv6';
  setSysctl(`${version}/neigh/${name}/proxy_delay`, '0');
  if (family === 6) setSysctl(`ipv6/conf/${name}/proxy_ndp`, '1');
}

/** Makes this host forward packets of a family, if it does not yet. */
export function forward(family: 4 | 6): void {
  if (family === 4) setSysctl('ipv4/ip_forward', '1');
  else if (getSysctl('ipv6/conf/all/forwarding') !== '1') forwardIpv6();
}

function forwardIpv6(): void {
  // A router takes no advertisements of others unless it is told to (ip-sysctl, accept_ra): it would lose its own way out.
  for (const name of readdirSync('/proc/sys/net/ipv6/conf'))
    if (getSysctl(`ipv6/conf/${name}/accept_ra`) === '1') setSysctl(`ipv6/conf/${name}/accept_ra`, '2');
  setSysctl('ipv6/conf/all/forwarding', '1');
}

function getSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/${name}`, 'utf8').trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function setSysctl(name: string, value: string): void {
  if (getSysctl(name) !== value) writeFileSync(`/proc/sys/net/${name}`, value);
}
