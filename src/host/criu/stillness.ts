/**
 * A container that stands still from before its dump on, and goes on if that comes to nothing, whatever becomes of us.
 */
import { readdirSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../../errors.js';
import type { Cgroup } from '../cgroup/index.js';
import { startThawer } from '../freeze.js';
import { descriptorsOf, linkOf, pidsBelow, readOf, unlessGone } from '../guest-processes.js';

export interface Stillness {
  /** To be held by CRIU, which would freeze it again: it goes on only once both of us are gone. */
  readonly alive: Writable;
  /** From now on it does, at a moment that suits CRIU. */
  begin(): Promise<void>;
  /** From now on it stands still until it is told otherwise. */
  keep(): Promise<void>;
  /** It goes on. */
  letGo(): Promise<void>;
}

/** `header`: a file that says that the dump is whole. */
export async function prepareStillness(cgroup: Cgroup, group: string, header: string): Promise<Stillness> {
  const { input, gone } = await startThawer(cgroup, header);
  return {
    alive: input,
    begin: () => freezeBetweenStarts(cgroup, group),
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

/** At a moment when nobody waits for a process that is to run another program, or looks at descriptors. */
async function freezeBetweenStarts(cgroup: Cgroup, group: string): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    await cgroup.freeze();
    const pids = pidsBelow(group);
    if (!pids.some((pid) => isStarting(pid) || looksAtDescriptors(pid))) return;
    await cgroup.thaw();
    await sleep(PAUSE_MS * Math.min(attempt, 10));
  }
  throw new CellaError('SUSPEND_FAILED', 'it starts programs all the time');
}

/**
 * A thread of what stands still sleeps uninterruptibly in vfork(2) alone. CRIU would stop the child first, and wait for the
 * parent, which waits for that, until its time is over.
 */
function isStarting(pid: number): boolean {
  const threads = unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.some((tid) => / D [^)]*$/.test(readOf(pid, `task/${tid}/stat`) ?? ''));
}

/** Has open what /proc tells of a descriptor: that is opened anew before there is any (CRIU, "on restore: No such file"). */
function looksAtDescriptors(pid: number): boolean {
  return descriptorsOf(pid).some((name) => DESCRIPTOR.test(linkOf(pid, `fd/${name}`) ?? ''));
}

const DESCRIPTOR = /^\/proc\/\d+\/(?:task\/\d+\/)?(?:fd|fdinfo|map_files)(?:\/|$)/;
