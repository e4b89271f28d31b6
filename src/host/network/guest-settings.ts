/** What a guest has set up of its network: listed from outside, and set up again with no rights but its own root's. */
import { readlinkSync } from 'node:fs';
import { CellaError } from '../../errors.js';
import { type GuestNetwork, guestNetwork } from '../../plan/checkpoint/guest-network.js';
import type { NetworkPlan } from '../../plan/network/network-plan.js';
import { run } from '../run.js';
import { TOOLS } from '../storage/resize.js';

/** Characters. */
const MOST = 1 << 22;

/** One process for all of it: it stands still while they are started. */
const LISTS = `
  ip -j -N address show; printf '\\0'
  ip -j -N -4 route show table all; printf '\\0'
  ip -j -N -6 route show table all; printf '\\0'
  nft -j list ruleset`;

export async function readGuestNetwork(init: number, plan: NetworkPlan | undefined): Promise<GuestNetwork> {
  const listing = ['nsenter', `--net=/proc/${init}/ns/net`, 'sh', '-euc', LISTS] as const;
  const { stdout } = await run(listing, { env: TOOLS });
  const [addresses = '', four = '', six = '', rules = ''] = stdout.split('\0');
  const found = guestNetwork({ addresses, routes: [four, six], rules }, plan);
  if (JSON.stringify(found).length > MOST)
    throw new CellaError('SUSPEND_FAILED', 'it has set up more of its network than can be kept');
  return found;
}

/** It opens its standard input by name, which has to be a pipe for that, and its own. */
const NFT = ['sh', '-c', 'cat | nft -j -f -'] as const;

/** Returns what could not be, as phrases. */
export async function writeGuestNetwork(
  init: number,
  { lines, rules }: GuestNetwork,
): Promise<readonly string[]> {
  const hasOwnRoot = readlinkSync(`/proc/${init}/ns/user`) !== readlinkSync('/proc/self/ns/user');
  const own = hasOwnRoot ? [`--user=/proc/${init}/ns/user`, '--setuid=0', '--setgid=0'] : [];
  const say = (what: string, input: string, words: readonly string[]): Promise<readonly string[]> =>
    run(['nsenter', `--net=/proc/${init}/ns/net`, ...own, ...words], { env: TOOLS, input }).then(
      () => [],
      (error: unknown) => [`${what}: ${(error as Error).message}`],
    );
  return [
    ...(lines.length === 0
      ? []
      : await say('its addresses and routes', lines.join('\n'), ['ip', '-force', '-batch', '-'])),
    ...(rules === null ? [] : await say('its packet filter', rules, NFT)),
  ];
}
