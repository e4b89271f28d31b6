/**
 * A container that stands still from before its dump on, and goes on if that comes to nothing, whatever becomes of us.
 */
import { lstatSync, statSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../../errors.js';
import type { Cgroup } from '../cgroup/index.js';
import { startThawer } from '../freeze.js';
import { descriptorsOf, linkOf, pidsBelow, unlessGone } from '../guest-processes.js';

export interface Stillness {
  /** To be held by CRIU, which would freeze it again: it goes on only once both of us are gone. */
  readonly alive: Writable;
  /** From now on it stands still until it is told otherwise. */
  keep(): Promise<void>;
  /** It goes on. */
  letGo(): Promise<void>;
}

/** `header`: a file that says that the dump is whole. */
export async function standStill(cgroup: Cgroup, group: string, header: string): Promise<Stillness> {
  const { input, gone } = await startThawer(cgroup, header);
  try {
    await freezeBetweenStarts(cgroup, group);
  } catch (error) {
    input.end();
    throw error;
  }
  return {
    alive: input,
    keep: async () => {
      input.end('keep\n');
      await gone;
    },
    letGo: async () => {
      input.end();
      await gone;
      await cgroup.thaw();
    },
  };
}

const ATTEMPTS = 100;
const PAUSE_MS = 5;

/**
 * At a moment when no process runs a file that another one holds open by its path alone, as systemd does its executor:
 * CRIU takes one for the other, and the kernel refuses such a descriptor as a program (PR_SET_MM_EXE_FILE, EBADF). Nor
 * looks at descriptors.
 */
async function freezeBetweenStarts(cgroup: Cgroup, group: string): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    await cgroup.freeze();
    const pids = pidsBelow(group);
    if (!isStarting(pids) && !pids.some(looksAtDescriptors)) return;
    await cgroup.thaw();
    await sleep(PAUSE_MS * Math.min(attempt, 10));
  }
  throw new CellaError('SUSPEND_FAILED', 'it starts programs all the time');
}

function isStarting(pids: readonly number[]): boolean {
  const programs = new Set(pids.flatMap((pid) => idOf(`/proc/${pid}/exe`) ?? []));
  return pids.flatMap(pathsHeld).some((id) => programs.has(id));
}

/** Has open what /proc tells of a descriptor: that is opened anew before there is any (CRIU, "on restore: No such file"). */
function looksAtDescriptors(pid: number): boolean {
  return descriptorsOf(pid).some((name) => DESCRIPTOR.test(linkOf(pid, `fd/${name}`) ?? ''));
}

const DESCRIPTOR = /^\/proc\/\d+\/(?:task\/\d+\/)?(?:fd|fdinfo|map_files)(?:\/|$)/;

/** Files that it has open without being able to read or write them: proc_pid_fd(5) shows that as modes. */
function pathsHeld(pid: number): readonly string[] {
  return descriptorsOf(pid).flatMap((name) => {
    const path = `/proc/${pid}/fd/${name}`;
    const mode = unlessGone(() => lstatSync(path).mode);
    return mode === undefined || (mode & 0o600) !== 0 ? [] : (idOf(path) ?? []);
  });
}

function idOf(path: string): string | undefined {
  return unlessGone(() => {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  });
}
