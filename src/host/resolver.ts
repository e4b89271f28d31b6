/** The host's own name servers, for guests that inherit them. */
import { parseResolvConf, type Resolver, reachable } from '../plan/guest/resolver.js';
import { readText } from '../state/text-file.js';

/** systemd-resolved keeps those behind its own there. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] as const;

/** Without those that only the host itself reaches. */
export function hostResolver(files: readonly string[] = FILES): Resolver {
  const all = files.map((file) => reachable(parseResolvConf(readText(file) ?? '')));
  return all.find(({ nameservers }) => nameservers.length > 0) ?? all[0] ?? NONE;
}

const NONE: Resolver = { nameservers: [], searchDomains: [] };
