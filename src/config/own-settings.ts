/** What makes a container this one and no other: a copy under another id goes without. Pure. */
import { readList } from './edits.js';
import { type ConfigFile, updateConfig } from './grammar.js';
import { anonymous, NETIF } from './interfaces.js';
import type { ListRules } from './value-type.js';

/** Names, addresses, and ports of the host. */
const OWN = ['NAME', 'IP_ADDRESS', 'NAT_ADDRESS', 'PUBLISH'] as const;

/** The file for another container: its interfaces stay, without what no two may have. */
export function forAnother(file: ConfigFile): ConfigFile {
  const interfaces = readList(file.lines, 'NETIF', NETIF.list as ListRules);
  return updateConfig(
    file,
    new Map<string, string | null>([
      ...OWN.map((key) => [key, null] as const),
      ...(interfaces === '' ? [] : ([['NETIF', anonymous(interfaces)]] as const)),
    ]),
  );
}
