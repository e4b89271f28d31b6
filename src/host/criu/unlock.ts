/** What a CRIU that was killed leaves of a container which goes on: its network held, its connections being looked into. */
import { closeSync } from 'node:fs';
import { native } from '../../native/binding.js';
import { descriptorsOf, linkOf, pidsBelow } from '../guest-processes.js';
import { run } from '../run.js';
import { TOOLS } from '../storage/resize.js';

/** Nothing where there is nothing of that. `group`: of all its processes; null: it has none by which they are found. */
export async function unlockNetwork(init: number, group: string | null): Promise<void> {
  // First: a connection that is held loses nothing.
  for (const pid of group === null ? [] : pidsBelow(group)) endRepairs(pid);
  // CRIU holds all of the network by a table in it, so that no packet meets half a socket (its nftables_get_table()).
  const nft = ['nsenter', `--net=/proc/${init}/ns/net`, 'nft'] as const;
  const { stdout } = await run([...nft, 'list', 'tables'], { env: TOOLS });
  for (const [, family = '', name = ''] of stdout.matchAll(/^table (\S+) (CRIU\S*)$/gm))
    await run([...nft, 'delete', 'table', family, name], { env: TOOLS });
}

function endRepairs(pid: number): void {
  const sockets = descriptorsOf(pid).filter((name) => linkOf(pid, `fd/${name}`)?.startsWith('socket:'));
  const pidfd = sockets.length === 0 ? -1 : native().openPid(pid);
  if (pidfd < 0) return;
  try {
    for (const descriptor of sockets) native().endRepair(pidfd, Number(descriptor));
  } finally {
    closeSync(pidfd);
  }
}
