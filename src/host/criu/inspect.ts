/** What keeps a standing container from being dumped, or restored as it was, found out before CRIU is asked. */
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { isErrno } from '../../errors.js';
import { native } from '../../native/binding.js';
import { readOf } from '../guest-processes.js';

/** As phrases; nothing: it can be tried. `pids`: all of its processes. */
export function obstaclesIn(init: number, pids: readonly number[]): readonly string[] {
  return [
    ...consoles(init),
    ...mounts(init),
    ...pids.flatMap((pid) => [...traced(pid), ...nested(init, pid), ...descriptors(pid)]),
    ...obstaclesAtRest(init, pids),
  ];
}

/**
 * What may have changed by the time that they stand still. Whose parents are not in the container was brought in by a
 * command of ours: CRIU dumps what its init has begun.
 */
export function obstaclesAtRest(init: number, pids: readonly number[]): readonly string[] {
  return [...strangers(init, pids), ...watchers(init, pids)];
}

/** Its other side, which is outside, would be closed with the command that resumes it. */
function consoles(init: number): readonly string[] {
  const mounts = native().readKernelFile(`/proc/${init}/mountinfo`) ?? '';
  return / \/dev\/console /.test(mounts) ? ['it was started with a console, as the node service does'] : [];
}

/** Other processes of the container may serve them; lxcfs is of the host. */
function mounts(init: number): readonly string[] {
  const text = native().readKernelFile(`/proc/${init}/mountinfo`) ?? '';
  const found = text.split('\n').filter((line) => / - fuse(?:blk)?(?:\.(?!lxcfs )\S+)? /.test(line));
  return found.map((line) => `a FUSE file system is mounted at '${line.split(' ')[4]}'`);
}

function traced(pid: number): readonly string[] {
  const status = readOf(pid, 'status') ?? '';
  const tracer = /^TracerPid:\t(\d+)$/m.exec(status)?.[1] ?? '0';
  return tracer === '0' ? [] : [`a debugger traces ${nameOf(status)} (process ${pid} of the host)`];
}

/** CRIU knows processes with mounts and networks of their own, and nothing else of that kind. */
const NESTED = ['user', 'pid', 'uts', 'ipc', 'cgroup', 'time'] as const;

function nested(init: number, pid: number): readonly string[] {
  const other = NESTED.find((name) => {
    const [own, first] = [linkOf(pid, `ns/${name}`), linkOf(init, `ns/${name}`)];
    return own !== undefined && first !== undefined && own !== first;
  });
  if (other === undefined) return [];
  return [
    `${nameOf(readOf(pid, 'status') ?? '')} has a ${other} namespace of its own (process ${pid} of the host)`,
  ];
}

/** By what proc_pid_fd(5) shows of them. */
const UNKNOWN: Readonly<Record<string, string>> = {
  'anon_inode:[io_uring]': 'io_uring',
  'anon_inode:[userfaultfd]': 'userfaultfd',
  'anon_inode:[perf_event]': 'perf events',
  'anon_inode:kvm-vm': 'KVM',
};

function descriptors(pid: number): readonly string[] {
  const names = unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  const used = new Set(names.flatMap((name) => UNKNOWN[linkOf(pid, `fd/${name}`) ?? ''] ?? []));
  return [...used].map(
    (what) => `${nameOf(readOf(pid, 'status') ?? '')} uses ${what} (process ${pid} of the host)`,
  );
}

function linkOf(pid: number, file: string): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/${file}`));
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined;
    throw error;
  }
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
  const names = unlessGone(() => readdirSync(`/proc/${pid}/fdinfo`)) ?? [];
  const text = names.map((name) => readOf(pid, `fdinfo/${name}`) ?? '').join('');
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
