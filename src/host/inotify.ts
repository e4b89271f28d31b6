/** Instances of inotify(7): the kernel counts those of all containers as root's of the host (see shared-limits.ts). */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { isErrno } from '../errors.js';

/** Those that are open in processes; in two of them if one was handed on. */
export async function inotifyInstances(pids: readonly number[], signal?: AbortSignal): Promise<number> {
  let count = 0;
  for (const pid of pids) {
    signal?.throwIfAborted();
    const links = (await fdsOf(pid)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
    count += (await Promise.all(links)).filter((target) => target === 'anon_inode:inotify').length;
  }
  return count;
}

/** Of this host; null: the kernel has none. */
export async function inotifyRoom(signal?: AbortSignal): Promise<{ free: number; total: number } | null> {
  try {
    const total = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
    const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
    return { free: Math.max(0, total - (await inotifyInstances(pids, signal))), total };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/** None of a process that is gone. */
async function fdsOf(pid: number): Promise<readonly string[]> {
  try {
    return await readdir(`/proc/${pid}/fd`);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return [];
    throw error;
  }
}
