/** What keeps a standing container from being dumped, or restored as it was, found out before CRIU is asked. */
import { lstatSync, statSync } from 'node:fs';
import { descriptorsOf, linkOf, parseStatus, readOf, unlessGone } from '../guest-processes.js';

/** As phrases; nothing: it can be tried. `pids`: all of its processes. */
export function obstaclesIn(init: number, pids: readonly number[]): readonly string[] {
  return [
    ...served(readOf(init, 'mountinfo') ?? ''),
    ...nested(init, pids),
    ...pids.flatMap((pid) => [...traced(pid), ...descriptors(pid)]),
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

/** Mounts that other processes of the container may serve; lxcfs is of the host. */
function served(table: string): readonly string[] {
  return table
    .split('\n')
    .filter((line) => / - fuse(?:blk)?(?:\.(?!lxcfs )\S+)? /.test(line))
    .map((line) => `a FUSE file system is mounted at '${line.split(' ')[4]}'`);
}

function traced(pid: number): readonly string[] {
  const status = readOf(pid, 'status') ?? '';
  const tracer = /^TracerPid:\t(\d+)$/m.exec(status)?.[1] ?? '0';
  return tracer === '0' ? [] : [`a debugger traces ${parseStatus(status).name} (process ${pid} of the host)`];
}

/** CRIU knows processes with mounts and networks of their own, and nothing else of that kind. */
const NESTED = ['user', 'pid', 'uts', 'ipc', 'cgroup', 'time'] as const;

function nested(init: number, pids: readonly number[]): readonly string[] {
  const own = NESTED.map((name) => [name, linkOf(init, `ns/${name}`)] as const);
  return pids.flatMap((pid) => {
    const other = own.find(([name, first]) => {
      const space = linkOf(pid, `ns/${name}`);
      return first !== undefined && space !== undefined && space !== first;
    });
    if (!other) return [];
    return [`${nameOf(pid)} has a ${other[0]} namespace of its own (process ${pid} of the host)`];
  });
}

/** By what proc_pid_fd(5) shows of them. */
const UNKNOWN: Readonly<Record<string, string>> = {
  'anon_inode:[io_uring]': 'io_uring',
  'anon_inode:[userfaultfd]': 'userfaultfd',
  'anon_inode:[perf_event]': 'perf events',
  'anon_inode:kvm-vm': 'KVM',
};

function descriptors(pid: number): readonly string[] {
  const used = new Set(descriptorsOf(pid).flatMap((name) => unknown(pid, name) ?? []));
  return [...used].map((what) => `${nameOf(pid)} uses ${what} (process ${pid} of the host)`);
}

function unknown(pid: number, descriptor: string): string | undefined {
  const file = linkOf(pid, `fd/${descriptor}`) ?? '';
  return UNKNOWN[file] ?? (isTrigger(pid, descriptor, file) ? 'notifications of pressure (PSI)' : undefined);
}

/** What was written to it is not restored: whoever waits for it then would be woken for ever. */
function isTrigger(pid: number, descriptor: string, file: string): boolean {
  if (!/\/(?:cpu|memory|io|irq)\.pressure$|^\/proc\/pressure\//.test(file)) return false;
  return ((unlessGone(() => lstatSync(`/proc/${pid}/fd/${descriptor}`).mode) ?? 0) & 0o200) !== 0;
}

function strangers(init: number, pids: readonly number[]): readonly string[] {
  const inside = new Set(pids);
  return pids.flatMap((pid) => {
    const status = readOf(pid, 'status') ?? '';
    const parent = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 0);
    if (pid === init || status === '' || inside.has(parent)) return [];
    return [
      `a command that "exec" or "enter" has begun still runs: ${parseStatus(status).name} (process ${pid} of the host)`,
    ];
  });
}

const nameOf = (pid: number): string => parseStatus(readOf(pid, 'status') ?? '').name;

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
  const text = descriptorsOf(pid)
    .map((name) => readOf(pid, `fdinfo/${name}`) ?? '')
    .join('');
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
