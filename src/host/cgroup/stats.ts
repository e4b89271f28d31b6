/** What the kernel counts of a container, on either version of control groups, or on both beside each other. */
import type { GroupFiles } from './group-files.js';

/** Counters as the kernel keeps them; null: this host does not count it. */
export interface CgroupStats {
  readonly memory: bigint | null;
  readonly memoryPeak: bigint | null;
  /** How often memory that was asked for could not be had, even by taking back what others do not need. */
  readonly memoryFailures: number | null;
  readonly oomKills: number | null;
  readonly processes: number | null;
  readonly processesPeak: number | null;
  readonly processFailures: number | null;
  readonly cpuMicroseconds: bigint | null;
  /** Of `memory`: contents of files that nobody has used lately. */
  readonly inactiveFile: bigint | null;
  /** Bytes from and to disks. */
  readonly read: bigint | null;
  readonly written: bigint | null;
}

/** Each is read when it is asked for: the names differ between v2 (first) and v1, but for those that both have. */
export function statsOf(files: GroupFiles): CgroupStats {
  const count = (file: string, key: string): number | null => {
    const value = files.key(file, key);
    return value === null ? null : Number(value);
  };
  return {
    get memory() {
      return files.big('memory.current') ?? files.big('memory.usage_in_bytes');
    },
    get memoryPeak() {
      return files.big('memory.peak') ?? files.big('memory.max_usage_in_bytes');
    },
    get memoryFailures() {
      // v1's memory.failcnt has also what was had by taking memory back.
      return count('memory.events', 'oom') ?? count('memory.oom_control', 'oom_kill');
    },
    get oomKills() {
      return count('memory.events', 'oom_kill') ?? count('memory.oom_control', 'oom_kill');
    },
    get processes() {
      return files.number('pids.current');
    },
    get processesPeak() {
      return files.number('pids.peak');
    },
    get processFailures() {
      return count('pids.events', 'max');
    },
    get cpuMicroseconds() {
      const nanoseconds = files.big('cpuacct.usage');
      return nanoseconds === null ? files.key('cpu.stat', 'usage_usec') : nanoseconds / 1000n;
    },
    get inactiveFile() {
      return files.key('memory.stat', 'total_inactive_file') ?? files.key('memory.stat', 'inactive_file');
    },
    get read() {
      return served(files, 'rbytes', 'Read');
    },
    get written() {
      return served(files, 'wbytes', 'Write');
    },
  };
}

/**
 * v2: lines "MAJOR:MINOR rbytes=N wbytes=N …", one for each device that was used; v1: lines "MAJOR:MINOR Read N", of
 * which there are none until something was read or written.
 */
function served(files: GroupFiles, v2: string, v1: string): bigint | null {
  const ofV2 = files.text('io.stat');
  const text = ofV2 ?? files.text('blkio.throttle.io_service_bytes_recursive');
  if (text === undefined) return null;
  const pattern = ofV2 === undefined ? `^[\\d:]+ ${v1} (\\d+)$` : ` ${v2}=(\\d+)`;
  return [...text.matchAll(new RegExp(pattern, 'gm'))].reduce(
    (total, [, bytes]) => total + BigInt(bytes ?? 0),
    0n,
  );
}
