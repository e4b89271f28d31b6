/** Reading and removing control group files, shared by both versions. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError, isErrno } from '../../errors.js';
import { native } from '../../native/binding.js';

/** Undefined where the file, or its controller, is not there. */
export function readText(path: string): string | undefined {
  return native().readKernelFile(path)?.trim();
}

/** One value of a text of lines "key value". */
export function keyedValue(text: string | undefined, key: string): bigint | null {
  const line = text?.split('\n').find((at) => at.startsWith(`${key} `));
  return line === undefined ? null : BigInt(line.slice(key.length + 1));
}

export function readPids(directory: string): readonly number[] {
  return (readText(`${directory}/cgroup.procs`) ?? '').split('\n').filter(Boolean).map(Number);
}

const REMOVE_ATTEMPTS = 200;
const REMOVE_PAUSE_MS = 5;

/**
 * Removes a group and those that the guest made below. A dying process keeps its group busy for a moment after its
 * pidfd has told of its end (EBUSY).
 */
export async function removeGroup(path: string): Promise<void> {
  for (let attempt = 1; !tryRemove(path); attempt += 1) {
    if (attempt === REMOVE_ATTEMPTS) throw new CellaError('SYSTEM', `control group '${path}' stays busy`);
    for (const name of subgroups(path)) await removeGroup(`${path}/${name}`);
    if (!tryRemove(path)) await sleep(REMOVE_PAUSE_MS);
  }
}

function subgroups(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

function tryRemove(path: string): boolean {
  try {
    rmdirSync(path);
  } catch (error) {
    if (isErrno(error, 'EBUSY')) return false;
    // The kernel asks whether it may write before it looks whether there is something to remove.
    if (!isErrno(error, 'ENOENT') && existsSync(path)) throw error;
  }
  return true;
}
