/** How much a running container holds of what beancounters counted, as far as the kernel tells. */
import type { CounterName } from '../config/listed-settings.js';
import { readText } from './cgroup/files.js';
import { groupsOf } from './consumption.js';
import { readOf } from './guest-processes.js';

/** In the counter's own unit. */
export interface Held {
  readonly held: number;
  readonly maxheld: number;
  readonly failcnt: number;
}

const PAGE = 4096;

/** Only of what the kernel counts. `init`: a process in its network. */
export function heldBy(
  directories: readonly string[],
  init: number | undefined,
): ReadonlyMap<CounterName, Held> {
  const stats = groupsOf(directories).stats();
  const memory = memoryStat(directories);
  const swap = swapOf(directories);
  const found: [CounterName, Held | undefined][] = [
    ['numproc', held(stats.processes, stats.processesPeak, stats.processFailures)],
    ['physpages', pages(stats.memory, stats.memoryPeak, stats.memoryFailures)],
    ['oomguarpages', pages(sum(stats.memory, swap), undefined, stats.oomKills)],
    ['swappages', pages(swap)],
    ['kmemsize', kernelMemory(directories, memory)],
    ['shmpages', pages(memory('shmem'))],
    ['lockedpages', pages(memory('unevictable'))],
    ['dcachesize', held(memory('slab_reclaimable'))],
    ...(init === undefined ? [] : socketsOf(init)),
  ];
  return new Map(found.flatMap(([name, value]) => (value ? [[name, value] as const] : [])));
}

type Amount = bigint | number | null | undefined;

function held(now: Amount, peak: Amount = now, failures: number | null = 0): Held | undefined {
  if (now == null) return undefined;
  return { held: Number(now), maxheld: Number(peak ?? now), failcnt: failures ?? 0 };
}

function pages(now: Amount, peak: Amount = now, failures: number | null = 0): Held | undefined {
  const inPages = (amount: Amount): number | null =>
    amount == null ? null : Math.floor(Number(amount) / PAGE);
  return held(inPages(now), inPages(peak), failures);
}

function sum(a: bigint | null, b: bigint | null): bigint | null {
  return a === null ? null : a + (b ?? 0n);
}

/** Of v1 the totals: the guest may have made groups below. */
function memoryStat(directories: readonly string[]): (key: string) => bigint | null {
  const text =
    directories.map((at) => readText(`${at}/memory.stat`)).find((found) => found !== undefined) ?? '';
  const lines = new Map(text.split('\n').map((line) => line.split(' ') as [string, string]));
  return (key) => {
    const value = lines.get(`total_${key}`) ?? lines.get(key);
    return value === undefined ? null : BigInt(value);
  };
}

function read(directories: readonly string[], file: string): bigint | null {
  const text = directories.map((at) => readText(`${at}/${file}`)).find((found) => found !== undefined);
  return text === undefined ? null : BigInt(text);
}

/** v1 counts memory and swap together. */
function swapOf(directories: readonly string[]): bigint | null {
  const v2 = read(directories, 'memory.swap.current');
  if (v2 !== null) return v2;
  const [both, memory] = ['memory.memsw.usage_in_bytes', 'memory.usage_in_bytes'].map((file) =>
    read(directories, file),
  );
  if (both == null || memory == null) return null;
  return both > memory ? both - memory : 0n;
}

function kernelMemory(
  directories: readonly string[],
  memory: (key: string) => bigint | null,
): Held | undefined {
  const v2 = memory('kernel');
  if (v2 !== null) return held(v2);
  const [now, peak, failures] = ['usage_in_bytes', 'max_usage_in_bytes', 'failcnt'].map((file) =>
    read(directories, `memory.kmem.${file}`),
  );
  return held(now, peak, Number(failures ?? 0));
}

/** Those of its network namespace, as socket(7) and proc_pid_net(5) have them. */
function socketsOf(pid: number): readonly [CounterName, Held | undefined][] {
  const [text, text6] = ['net/sockstat', 'net/sockstat6'].map((file) => readOf(pid, file) ?? '');
  const all = /^sockets: used (\d+)/m.exec(text ?? '')?.[1];
  if (all === undefined) return [];
  const tcp = [/^TCP: inuse (\d+)/m.exec(text ?? ''), /^TCP6: inuse (\d+)/m.exec(text6 ?? '')]
    .map((found) => Number(found?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0);
  return [
    ['numtcpsock', held(tcp)],
    ['numothersock', held(Math.max(0, Number(all) - tcp))],
  ];
}
