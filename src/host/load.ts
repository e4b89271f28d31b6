/** How many threads of a container run, or wait for a disk, right now. */
import { readdirSync } from 'node:fs';
import { isErrno } from '../errors.js';
import { pidsBelow, readOf } from './guest-processes.js';

/** `directory`: one of the container's control groups. */
export function runnable(directory: string): number {
  return pidsBelow(directory).flatMap(threadsOf).filter(isBusy).length;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((tid) => `task/${tid}/stat`)
      .map((file) => readOf(pid, file) ?? '');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return [];
    throw error;
  }
}

/** proc_pid_stat(5): after the name, which may hold anything. */
export function isBusy(stat: string): boolean {
  return /^\) [RD] /.test(stat.slice(stat.lastIndexOf(')')));
}
