/** Control groups, version 1 (Documentation/admin-guide/cgroup-v1): one directory in each joined hierarchy. */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from '../../errors.js';
import { readBig, readKey, readNumber, readPids, readText, removeGroup } from './files.js';
import type { Cgroup, CgroupStats } from './index.js';

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
    stats: () => statsV1(directories),
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

export function statsV1(directories: readonly string[]): CgroupStats {
  const holding = (file: string): string => directories.find((at) => existsSync(`${at}/${file}`)) ?? '';
  const memory = holding('memory.usage_in_bytes');
  const pids = holding('pids.current');
  const refused = readKey(`${pids}/pids.events`, 'max');
  const kills = readKey(`${memory}/memory.oom_control`, 'oom_kill');
  const nanoseconds = readBig(`${holding('cpuacct.usage')}/cpuacct.usage`);
  return {
    memory: readBig(`${memory}/memory.usage_in_bytes`),
    memoryPeak: readBig(`${memory}/memory.max_usage_in_bytes`),
    // memory.failcnt has also what was had by taking memory back.
    memoryFailures: kills === null ? null : Number(kills),
    oomKills: kills === null ? null : Number(kills),
    processes: readNumber(`${pids}/pids.current`),
    processesPeak: readNumber(`${pids}/pids.peak`),
    processFailures: refused === null ? null : Number(refused),
    cpuMicroseconds: nanoseconds === null ? null : nanoseconds / 1000n,
    inactiveFile: readKey(`${memory}/memory.stat`, 'total_inactive_file'),
    ...sumServed(`${holding(SERVED)}/${SERVED}`),
  };
}

const SERVED = 'blkio.throttle.io_service_bytes_recursive';

/** Lines "MAJOR:MINOR Read BYTES"; there are none until something was read or written. */
function sumServed(path: string): Pick<CgroupStats, 'read' | 'written'> {
  const text = readText(path);
  if (text === undefined) return { read: null, written: null };
  const sum = (what: string): bigint =>
    [...text.matchAll(new RegExp(`^[\\d:]+ ${what} (\\d+)$`, 'gm'))].reduce(
      (total, [, bytes]) => total + BigInt(bytes ?? 0),
      0n,
    );
  return { read: sum('Read'), written: sum('Write') };
}
