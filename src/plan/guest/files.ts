/** A guest's settings as the files that hold them: what is there → what is to be there. */
import type { ContainerConfig } from '../../config/container-config.js';
import type { NetworkConfig } from '../../config/network-config.js';
import { withBlock } from './block.js';
import type { Family } from './family.js';
import type { GuestInterface } from './network.js';
import { asks, guestInterfaces, networkEdits, networkPaths } from './network-edits.js';
import {
  formatResolvConf,
  parseResolvConf,
  type Resolver,
  type ResolverWish,
  resolverOf,
} from './resolver.js';

export interface GuestSettings extends ResolverWish {
  readonly hostname: string | undefined;
  /** Without prefix lengths; the host name stands for them. */
  readonly addresses: readonly string[];
  /** Other containers that its /etc/hosts is to name; undefined: that is not asked for. */
  readonly neighbours: readonly Neighbour[] | undefined;
  /** Those that the host configures, of which the guest itself has to bring some up. */
  readonly interfaces: readonly GuestInterface[];
}

export interface Neighbour {
  readonly hostname: string;
  readonly addresses: readonly string[];
}

/** `neighbours`: the others on the private network. */
export function settingsOf(
  { hostname, nameservers, searchdomains, network }: ContainerConfig,
  neighbours: readonly Neighbour[] = [],
): GuestSettings {
  return {
    hostname,
    nameservers,
    searchDomains: searchdomains,
    addresses: namedAddresses(network),
    neighbours: network.natNames === false ? [] : network.natNames && neighbours,
    interfaces: guestInterfaces(network),
  };
}

/** What its name stands for. */
function namedAddresses({ addresses, natAddresses, interfaces }: NetworkConfig): readonly string[] {
  const own = interfaces.flatMap((each) => (each.configure ? each.addresses : []));
  return [...addresses, ...natAddresses, ...own].map(({ address }) => address);
}

/** Paths are relative to the guest's root. */
export interface FileEdit {
  readonly path: string;
  readonly text: string;
  /** Of a file that was not there. */
  readonly mode: 0o644 | 0o600;
}

/** What the guest has now; undefined: nothing that could be read. */
export type ReadFile = (path: string) => string | undefined;

const HOSTNAME = 'etc/hostname';
const HOSTS = 'etc/hosts';
const RESOLV_CONF = 'etc/resolv.conf';
/** Of Red Hat's up to 6, and SUSE's up to 11. */
const SYSCONFIG_NETWORK = 'etc/sysconfig/network';
const OLD_HOSTNAME = 'etc/HOSTNAME';

const FILES = [HOSTNAME, HOSTS, RESOLV_CONF, SYSCONFIG_NETWORK, OLD_HOSTNAME] as const;

/** What `editFiles` may read. */
export function filesFor({ interfaces }: GuestSettings): readonly string[] {
  return [...FILES, ...networkPaths(interfaces)];
}

const FRESH_HOSTS = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

/** Whether any of them is to hold anything. */
export function wantsFiles(settings: GuestSettings): boolean {
  const { hostname, nameservers, searchDomains, neighbours, interfaces } = settings;
  const isSaid = [hostname, nameservers, searchDomains, neighbours].some((each) => each !== undefined);
  return isSaid || interfaces.some(asks);
}

export interface Guest {
  readonly family: Family;
  readonly read: ReadFile;
  /** Whether there is a file or a directory; only of MANAGER_PLACES. */
  readonly has: (path: string) => boolean;
  /** The host's own resolver, for what is inherited. */
  readonly host: Resolver;
}

/** Files that are as they should be are not among the edits. */
export function editFiles(settings: GuestSettings, guest: Guest): readonly FileEdit[] {
  const { hostname, addresses, neighbours } = settings;
  const { read } = guest;
  const edits: FileEdit[] = [];
  if (hostname !== undefined) edits.push(...hostnameFiles(hostname, guest));
  if (hostname !== undefined || neighbours !== undefined)
    edits.push(plain(HOSTS, editHosts(read(HOSTS), { hostname, addresses, neighbours: neighbours ?? [] })));
  const resolver = resolverOf(settings, guest.host, parseResolvConf(read(RESOLV_CONF) ?? ''));
  if (resolver) edits.push(plain(RESOLV_CONF, formatResolvConf(resolver)));
  edits.push(...networkEdits(settings.interfaces, guest));
  return edits.filter(({ path, text }) => read(path) !== text);
}

const plain = (path: string, text: string): FileEdit => ({ path, text, mode: 0o644 });

function hostnameFiles(hostname: string, { family, read }: Guest): readonly FileEdit[] {
  const line = `${hostname}\n`;
  if (family === 'suse' && read(HOSTNAME) === undefined && read(OLD_HOSTNAME) !== undefined)
    return [plain(OLD_HOSTNAME, line)];
  const network = family === 'redhat' ? read(SYSCONFIG_NETWORK) : undefined;
  const old = /^HOSTNAME=.*$/m;
  if (network === undefined || !old.test(network)) return [plain(HOSTNAME, line)];
  return [plain(HOSTNAME, line), plain(SYSCONFIG_NETWORK, network.replace(old, `HOSTNAME="${hostname}"`))];
}

interface Hosts {
  readonly hostname: string | undefined;
  readonly addresses: readonly string[];
  readonly neighbours: readonly Neighbour[];
}

/** Its own name for its addresses; without any, for that of Debian's for such hosts. */
export function editHosts(text: string | undefined, { hostname, addresses, neighbours }: Hosts): string {
  const own = { hostname, addresses: addresses.length === 0 ? ['127.0.1.1'] : addresses };
  return withBlock(text ?? FRESH_HOSTS, [own, ...neighbours].flatMap(hostLines));
}

/** The full name first: that is what hostname(1) takes for it. */
function hostLines({ hostname, addresses }: Omit<Hosts, 'neighbours'>): readonly string[] {
  if (hostname === undefined) return [];
  const [short = '', ...domain] = hostname.split('.');
  const names = domain.length === 0 ? hostname : `${hostname} ${short}`;
  return addresses.map((address) => `${address}\t${names}`);
}
