/** What a container has used up so far: from its control groups where they count it, else from its processes. */
import type { GroupFiles } from './cgroup/group-files.js';
import { type CgroupStats, statsOf } from './cgroup/stats.js';
import { pidsBelow, readOf } from './guest-processes.js';

/** Since the container began; null: this host does not tell. */
export interface Consumption {
  readonly cpuMicroseconds: bigint;
  /** Bytes that cannot be given back at once: without the files' contents that nobody has used lately. */
  readonly memory: bigint | null;
  /** Processes and threads. */
  readonly tasks: number;
  /** Bytes, from and to disks. */
  readonly read: bigint | null;
  readonly written: bigint | null;
}

/** `files`: of all of the container's groups. */
export function consumptionOf(files: GroupFiles): Consumption {
  const stats = statsOf(files);
  const isCounted = stats.cpuMicroseconds !== null && stats.processes !== null && stats.read !== null;
  const summed = isCounted ? undefined : sumOf(files.directories.slice(0, 1).flatMap(pidsBelow));
  return {
    cpuMicroseconds: stats.cpuMicroseconds ?? summed?.cpuMicroseconds ?? 0n,
    memory: memoryOf(stats),
    tasks: stats.processes ?? summed?.threads ?? 0,
    read: stats.read ?? summed?.read ?? null,
    written: stats.written ?? summed?.written ?? null,
  };
}

function memoryOf({ memory, inactiveFile }: CgroupStats): bigint | null {
  if (memory === null || inactiveFile === null) return memory;
  return memory > inactiveFile ? memory - inactiveFile : 0n;
}

interface Sum {
  readonly cpuMicroseconds: bigint;
  readonly threads: number;
  readonly read: bigint;
  readonly written: bigint;
}

/** proc_pid_stat(5) counts in hundredths of a second on every machine that we run on (USER_HZ). */
const TICK_MICROSECONDS = 10_000n;

/** Of those that live, and of the children that they have waited for. */
function sumOf(pids: readonly number[]): Sum {
  let [ticks, threads, read, written] = [0n, 0, 0n, 0n];
  for (const pid of pids) {
    const stat = parseStat(readOf(pid, 'stat') ?? '');
    const io = readOf(pid, 'io') ?? '';
    ticks += stat.ticks;
    threads += stat.threads;
    read += BigInt(/^read_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
    written += BigInt(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
  }
  return { cpuMicroseconds: ticks * TICK_MICROSECONDS, threads, read, written };
}

/** utime, stime, cutime and cstime together, and num_threads. */
export function parseStat(text: string): { readonly ticks: bigint; readonly threads: number } {
  // The command may hold spaces and parentheses; what follows the last one does not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + BigInt(field || 0), 0n);
  return { ticks, threads: Number(fields[17] ?? 0) };
}
