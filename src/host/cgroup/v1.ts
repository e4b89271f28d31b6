/** Control groups, version 1 (Documentation/admin-guide/cgroup-v1): one directory in each joined hierarchy. */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from '../../errors.js';
import { readPids, readText, removeGroup } from './files.js';
import { GroupFiles } from './group-files.js';
import type { Cgroup } from './index.js';
import { statsOf } from './stats.js';

const POLL_MS = 5;

export function v1(directories: readonly string[]): Cgroup {
  const freezer = directories.find((at) => existsSync(`${at}/freezer.state`));
  const setState = async (state: 'FROZEN' | 'THAWED'): Promise<void> => {
    if (!freezer) return;
    writeFileSync(`${freezer}/freezer.state`, state);
    while (readText(`${freezer}/freezer.state`) !== state) await sleep(POLL_MS);
  };
  const pids = (): readonly number[] => readPids(freezer ?? directories[0] ?? '');
  return {
    freeze: () => setState('FROZEN'),
    thaws: { file: `${freezer ?? ''}/freezer.state`, value: 'THAWED' },
    thaw: () => setState('THAWED'),
    isFrozen: () => freezer !== undefined && readText(`${freezer}/freezer.state`) === 'FROZEN',
    kill: async () => {
      // Frozen first, so that nothing forks between the look and the blow.
      while (pids().length > 0) {
        await setState('FROZEN');
        for (const pid of pids()) killPid(pid);
        await setState('THAWED');
        await sleep(POLL_MS);
      }
    },
    pids,
    stats: () => statsOf(new GroupFiles(directories)),
    remove: async () => {
      for (const directory of directories) await removeGroup(directory);
    },
  };
}

function killPid(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}
