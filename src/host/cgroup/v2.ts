/** Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst); on hybrid hosts v1 keeps the controllers. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readBig, readKey, readNumber, readPids, readText, removeGroup } from './files.js';
import type { Cgroup, CgroupStats } from './index.js';
import { statsV1 } from './v1.js';

const POLL_MS = 5;

/** `directories`: `at` itself and, on hybrid hosts, the v1 directories. */
export function v2(at: string, directories: readonly string[]): Cgroup {
  const others = directories.filter((directory) => directory !== at);
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
      const isPopulated = (): boolean => readKey(`${at}/cgroup.events`, 'populated') === 1n;
      if (isPopulated()) writeFileSync(`${at}/cgroup.kill`, '1');
      while (isPopulated()) await sleep(POLL_MS);
    },
    pids: () => readPids(at),
    stats: () => merge(statsV2(at), statsV1(others)),
    remove: async () => {
      for (const directory of directories) await removeGroup(directory);
    },
  };
}

function isFrozen(at: string): boolean {
  return readKey(`${at}/cgroup.events`, 'frozen') === 1n;
}

function statsV2(at: string): CgroupStats {
  const count = (file: string, key: string): number | null => {
    const value = readKey(`${at}/${file}`, key);
    return value === null ? null : Number(value);
  };
  return {
    memory: readBig(`${at}/memory.current`),
    memoryPeak: readBig(`${at}/memory.peak`),
    memoryFailures: count('memory.events', 'oom'),
    oomKills: count('memory.events', 'oom_kill'),
    processes: readNumber(`${at}/pids.current`),
    processesPeak: readNumber(`${at}/pids.peak`),
    processFailures: count('pids.events', 'max'),
    cpuMicroseconds: readKey(`${at}/cpu.stat`, 'usage_usec'),
    inactiveFile: readKey(`${at}/memory.stat`, 'inactive_file'),
    ...sumIo(`${at}/io.stat`),
  };
}

/** Lines "MAJOR:MINOR rbytes=N wbytes=N …", one for each device that was used. */
function sumIo(path: string): Pick<CgroupStats, 'read' | 'written'> {
  const text = readText(path);
  if (text === undefined) return { read: null, written: null };
  const sum = (key: string): bigint =>
    [...text.matchAll(new RegExp(` ${key}=(\\d+)`, 'g'))].reduce(
      (total, [, bytes]) => total + BigInt(bytes ?? 0),
      0n,
    );
  return { read: sum('rbytes'), written: sum('wbytes') };
}

function merge(first: CgroupStats, second: CgroupStats): CgroupStats {
  return {
    memory: first.memory ?? second.memory,
    memoryPeak: first.memoryPeak ?? second.memoryPeak,
    memoryFailures: first.memoryFailures ?? second.memoryFailures,
    oomKills: first.oomKills ?? second.oomKills,
    processes: first.processes ?? second.processes,
    processesPeak: first.processesPeak ?? second.processesPeak,
    processFailures: first.processFailures ?? second.processFailures,
    cpuMicroseconds: first.cpuMicroseconds ?? second.cpuMicroseconds,
    inactiveFile: first.inactiveFile ?? second.inactiveFile,
    read: first.read ?? second.read,
    written: first.written ?? second.written,
  };
}
