/** The console of a container: the master of its pty is outside, so that CRIU makes a new one that somebody has to take. */
import { closeSync } from 'node:fs';
import { native } from '../../native/binding.js';
import { descriptorsOf, linkOf, readOf } from '../guest-processes.js';

/** Number of its pty in the container's devpts; undefined where it has none. */
export function consoleOf(init: number): number | undefined {
  const root = / \/(\d+) \/dev\/console .* - devpts /.exec(readOf(init, 'mountinfo') ?? '')?.[1];
  return root === undefined ? undefined : Number(root);
}

/**
 * Its master, while a restore is in its hooks; -1 where it is not found. CRIU hands over the one of a pty that processes have
 * open ("orphan-pts-master"): of one that is but mounted it has the master all the same, and closes it at the end.
 */
export function storedMaster(criu: number, console: number): number {
  const pidfd = native().openPid(criu);
  if (pidfd < 0) return -1;
  try {
    for (const name of descriptorsOf(criu).filter((at) => linkOf(criu, `fd/${at}`)?.startsWith('socket:'))) {
      const master = native().storedMaster(pidfd, Number(name), console);
      if (master >= 0) return master;
    }
    return -1;
  } finally {
    closeSync(pidfd);
  }
}
