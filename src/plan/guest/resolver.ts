/** Name servers and search domains: which a guest gets, and resolv.conf(5). */

/** What the configuration asks for; `inherit`: as the host has them; undefined: nothing, the guest's own stay. */
export interface ResolverWish {
  readonly nameservers: readonly string[] | 'inherit' | undefined;
  readonly searchDomains: readonly string[] | 'inherit' | undefined;
}

export interface Resolver {
  readonly nameservers: readonly string[];
  readonly searchDomains: readonly string[];
}

export function wantsHost({ nameservers, searchDomains }: ResolverWish): boolean {
  return nameservers === 'inherit' || searchDomains === 'inherit';
}

/** What is not set stays as the guest has it, in `own`; undefined where nothing is set at all. */
export function resolverOf(wish: ResolverWish, host: Resolver, own: Resolver): Resolver | undefined {
  const { nameservers, searchDomains } = wish;
  if (nameservers === undefined && searchDomains === undefined) return undefined;
  return {
    nameservers: nameservers === 'inherit' ? host.nameservers : (nameservers ?? own.nameservers),
    searchDomains: searchDomains === 'inherit' ? host.searchDomains : (searchDomains ?? own.searchDomains),
  };
}

/** The last `search` or `domain` counts, every `nameserver` does. */
export function parseResolvConf(text: string): Resolver {
  const nameservers: string[] = [];
  let searchDomains: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (key === 'nameserver' && values[0] !== undefined) nameservers.push(values[0]);
    if (key === 'search' || key === 'domain') searchDomains = values;
  }
  return { nameservers, searchDomains };
}

/** Without those that would be the guest's own loopback there. */
export function reachable({ nameservers, searchDomains }: Resolver): Resolver {
  return {
    nameservers: nameservers.filter((server) => !/^(127\.|::1$)/.test(server)),
    searchDomains: searchDomains.filter((domain) => domain !== '.'),
  };
}

export function formatResolvConf({ nameservers, searchDomains }: Resolver): string {
  return [
    '# Written by the host: see vzctl set --nameserver and --searchdomain.',
    ...(searchDomains.length === 0 ? [] : [`search ${searchDomains.join(' ')}`]),
    ...nameservers.map((server) => `nameserver ${server}`),
    '',
  ].join('\n');
}
