/** A guest's settings as the files that hold them: what is there → what is to be there. */
import type { ContainerConfig } from '../../config/container-config.js';
import { withBlock } from './block.js';
import type { Family } from './family.js';
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
}

/** Addresses come with the network. */
export function settingsOf({ hostname, nameservers, searchdomains }: ContainerConfig): GuestSettings {
  return { hostname, nameservers, searchDomains: searchdomains, addresses: [] };
}

/** Paths are relative to the guest's root. */
export interface FileEdit {
  readonly path: string;
  readonly text: string;
}

/** What the guest has now; undefined: nothing that could be read. */
export type ReadFile = (path: string) => string | undefined;

const HOSTNAME = 'etc/hostname';
const HOSTS = 'etc/hosts';
const RESOLV_CONF = 'etc/resolv.conf';
/** Of Red Hat's up to 6, and SUSE's up to 11. */
const SYSCONFIG_NETWORK = 'etc/sysconfig/network';
const OLD_HOSTNAME = 'etc/HOSTNAME';

/** What `editFiles` may ask for. */
export const GUEST_FILES = [HOSTNAME, HOSTS, RESOLV_CONF, SYSCONFIG_NETWORK, OLD_HOSTNAME] as const;

const FRESH_HOSTS = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

export function wantsFiles({ hostname, nameservers, searchDomains }: GuestSettings): boolean {
  return hostname !== undefined || nameservers !== undefined || searchDomains !== undefined;
}

/** `host`: the host's own resolver, for what is inherited. Files that are as they should be are not among the edits. */
export function editFiles(
  settings: GuestSettings,
  { family, read, host }: { readonly family: Family; readonly read: ReadFile; readonly host: Resolver },
): readonly FileEdit[] {
  const { hostname, addresses } = settings;
  const edits: FileEdit[] = [];
  if (hostname !== undefined) {
    edits.push(...hostnameFiles(hostname, family, read));
    edits.push({ path: HOSTS, text: editHosts(read(HOSTS), hostname, addresses) });
  }
  const resolver = resolverOf(settings, host, parseResolvConf(read(RESOLV_CONF) ?? ''));
  if (resolver) edits.push({ path: RESOLV_CONF, text: formatResolvConf(resolver) });
  return edits.filter(({ path, text }) => read(path) !== text);
}

function hostnameFiles(hostname: string, family: Family, read: ReadFile): readonly FileEdit[] {
  const line = `${hostname}\n`;
  if (family === 'suse' && read(HOSTNAME) === undefined && read(OLD_HOSTNAME) !== undefined)
    return [{ path: OLD_HOSTNAME, text: line }];
  const network = family === 'redhat' ? read(SYSCONFIG_NETWORK) : undefined;
  const old = /^HOSTNAME=.*$/m;
  if (network === undefined || !old.test(network)) return [{ path: HOSTNAME, text: line }];
  return [
    { path: HOSTNAME, text: line },
    { path: SYSCONFIG_NETWORK, text: network.replace(old, `HOSTNAME="${hostname}"`) },
  ];
}

/** The full name first: that is what hostname(1) takes for it. Without addresses, that of Debian's for such hosts. */
export function editHosts(text: string | undefined, hostname: string, addresses: readonly string[]): string {
  const [short = '', ...domain] = hostname.split('.');
  const names = domain.length === 0 ? hostname : `${hostname} ${short}`;
  const known = addresses.length === 0 ? ['127.0.1.1'] : addresses;
  return withBlock(
    text ?? FRESH_HOSTS,
    known.map((address) => `${address}\t${names}`),
  );
}
