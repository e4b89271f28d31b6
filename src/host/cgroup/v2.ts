/** Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst); on hybrid hosts v1 keeps the controllers. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyedValue, readPids, readText, removeGroup } from './files.js';
import { GroupFiles } from './group-files.js';
import type { Cgroup } from './index.js';
import { statsOf } from './stats.js';

const POLL_MS = 5;

/** `directories`: `at` itself and, on hybrid hosts, the v1 directories. */
export function v2(at: string, directories: readonly string[]): Cgroup {
  const setFrozen = async (frozen: boolean): Promise<void> => {
    writeFileSync(`${at}/cgroup.freeze`, frozen ? '1' : '0');
    // cgroup.events tells by an inotify event that Node's watcher does not see on kernfs: look again instead.
    while (isFrozen(at) !== frozen) await sleep(POLL_MS);
  };
  return {
    freeze: () => setFrozen(true),
    thaws: { file: `${at}/cgroup.freeze`, value: '0' },
    thaw: () => setFrozen(false),
    isFrozen: () => isFrozen(at),
    kill: async () => {
      const isPopulated = (): boolean => keyedValue(readText(`${at}/cgroup.events`), 'populated') === 1n;
      if (isPopulated()) writeFileSync(`${at}/cgroup.kill`, '1');
      while (isPopulated()) await sleep(POLL_MS);
    },
    pids: () => readPids(at),
    stats: () => statsOf(new GroupFiles(directories)),
    remove: async () => {
      for (const directory of directories) await removeGroup(directory);
    },
  };
}

function isFrozen(at: string): boolean {
  return keyedValue(readText(`${at}/cgroup.events`), 'frozen') === 1n;
}
