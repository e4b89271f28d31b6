/** Takes memory from a control group before anybody is short of it (memory.reclaim; cgroup v2, Linux 5.19). */
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { isErrno } from '../errors.js';

/** `group`: of v2; null: the host has none. */
export function canReclaim(group: string | null): group is string {
  return group !== null && existsSync(`${group}/memory.reclaim`);
}

/** What is used least goes, to swap where there is some. False: there was less of that than `bytes`. */
export async function reclaim(group: string, bytes: bigint): Promise<boolean> {
  // On a thread of its own: it may take as long as swap takes.
  const file = await open(`${group}/memory.reclaim`, 'r+');
  try {
    await file.write(String(bytes));
    return true;
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return false;
    throw error;
  } finally {
    await file.close();
  }
}
