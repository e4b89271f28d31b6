/** The host's own addresses, found without a look at each of its interfaces, most of which are containers'. */
import { readText } from '../../state/text-file.js';
import { fromBytes } from '../netlink/addresses.js';
import { listLocal4 } from '../netlink/routes.js';
import { together } from '../together.js';

/** Of a family; those of IPv6 with those of links. */
export async function ownAddresses(family: 4 | 6): Promise<readonly string[]> {
  return family === 4 ? listTogether4(undefined) : listLocal6();
}

/** Where no policy says otherwise Linux has those routes among all the others, ten thousand of containers. */
const listTogether4 = together(async (askers: readonly undefined[]) => {
  const found = await listLocal4();
  return askers.map(() => found);
});

/** A line each, which begins with its 32 digits; a host without IPv6 has no such file. */
function listLocal6(): readonly string[] {
  const lines = (readText('/proc/self/net/if_inet6') ?? '').split('\n').filter(Boolean);
  return lines.map((line) => fromBytes(Buffer.from(line.slice(0, 32), 'hex')));
}
