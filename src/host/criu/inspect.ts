/** What keeps a standing container from being dumped, or restored as it was, found out before CRIU is asked. */
import { readdirSync, statSync } from 'node:fs';
import { isErrno } from '../../errors.js';
import { native } from '../../native/binding.js';
import { readOf } from '../guest-processes.js';

/**
 * As phrases; nothing: it can be tried. `pids`: all of its processes. Whose parents are not in the container was brought in
 * by a command of ours: CRIU dumps what its init has begun.
 */
export function obstaclesIn(init: number, pids: readonly number[]): readonly string[] {
  return [...consoles(init), ...strangers(init, pids), ...watchers(init, pids)];
}

/** Its other side, which is outside, would be closed with the command that resumes it. */
function consoles(init: number): readonly string[] {
  const mounts = native().readKernelFile(`/proc/${init}/mountinfo`) ?? '';
  return / \/dev\/console /.test(mounts) ? ['it was started with a console, as the node service does'] : [];
}

function strangers(init: number, pids: readonly number[]): readonly string[] {
  const inside = new Set(pids);
  return pids.flatMap((pid) => {
    const status = readOf(pid, 'status') ?? '';
    const parent = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 0);
    if (pid === init || status === '' || inside.has(parent)) return [];
    return [
      `a command that "exec" or "enter" has begun still runs: ${nameOf(status)} (process ${pid} of the host)`,
    ];
  });
}

const nameOf = (status: string): string => /^Name:\t(.*)$/m.exec(status)?.[1] ?? '';

/**
 * CRIU finds what is watched by the number of its inode without that of its file system (fsnotify.c), and looks at the
 * root first: a watch whose number is the root's would be put on that.
 */
function watchers(init: number, pids: readonly number[]): readonly string[] {
  const root = statSync(`/proc/${init}/root/`);
  return pids
    .filter((pid) => watchedBy(pid).some(({ inode, device }) => inode === root.ino && device !== root.dev))
    .map((pid) => `process ${pid} of the host watches a file that cannot be told from its root`);
}

/** Of proc_pid_fdinfo(5): hexadecimal, the device as the kernel has it inside (MAJOR << 20 | MINOR). */
function watchedBy(pid: number): readonly { readonly inode: number; readonly device: number }[] {
  let text = '';
  try {
    for (const name of readdirSync(`/proc/${pid}/fdinfo`))
      text += native().readKernelFile(`/proc/${pid}/fdinfo/${name}`) ?? '';
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) throw error;
  }
  return [...text.matchAll(/^inotify wd:\S+ ino:([0-9a-f]+) sdev:([0-9a-f]+) /gm)].map(
    ([, inode = '', device = '']) => ({
      inode: Number.parseInt(inode, 16),
      device: deviceNumber(Number.parseInt(device, 16)),
    }),
  );
}

/** As stat(2) tells it to programs (new_encode_dev() in Linux). */
function deviceNumber(inside: number): number {
  const [major, minor] = [inside >>> 20, inside & 0xfffff];
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}
