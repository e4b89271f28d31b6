/** How much a running container holds of what beancounters counted, as far as the kernel tells. */
import { COUNTERS, type CounterName } from '../config/listed-settings.js';
import type { GroupFiles } from './cgroup/group-files.js';
import { statsOf } from './cgroup/stats.js';
import { readOf } from './guest-processes.js';

/** In the counter's own unit. */
export interface Held {
  readonly held: number;
  readonly maxheld: number;
  readonly failcnt: number;
}

const PAGE = 4096;

type Find = (files: GroupFiles, sockets: () => Sockets) => Held | undefined;

const FIND: Partial<Readonly<Record<CounterName, Find>>> = {
  numproc: (files) => {
    const { processes, processesPeak, processFailures } = statsOf(files);
    return held(processes, processesPeak, processFailures);
  },
  physpages: (files) => {
    const { memory, memoryPeak, memoryFailures } = statsOf(files);
    return pages(memory, memoryPeak, memoryFailures);
  },
  oomguarpages: (files) => {
    const { memory, oomKills } = statsOf(files);
    return pages(sum(memory, swapOf(files)), undefined, oomKills);
  },
  swappages: (files) => pages(swapOf(files)),
  kmemsize: kernelMemory,
  shmpages: (files) => pages(memoryStat(files, 'shmem')),
  lockedpages: (files) => pages(memoryStat(files, 'unevictable')),
  dcachesize: (files) => held(memoryStat(files, 'slab_reclaimable')),
  numtcpsock: (_, sockets) => sockets().tcp,
  numothersock: (_, sockets) => sockets().other,
};

/** Only of what the kernel counts. `init`: a process in its network; `names`: default all. */
export function heldBy(
  files: GroupFiles,
  init: number | undefined,
  names: readonly CounterName[] = COUNTERS,
): ReadonlyMap<CounterName, Held> {
  let sockets: Sockets | undefined;
  const socketsOnce = (): Sockets => {
    sockets ??= socketsOf(init);
    return sockets;
  };
  return new Map(
    names.flatMap((name) => {
      const found = FIND[name]?.(files, socketsOnce);
      return found ? [[name, found] as const] : [];
    }),
  );
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
function memoryStat(files: GroupFiles, key: string): bigint | null {
  return files.key('memory.stat', `total_${key}`) ?? files.key('memory.stat', key);
}

/** v1 counts memory and swap together. */
function swapOf(files: GroupFiles): bigint | null {
  const v2 = files.big('memory.swap.current');
  if (v2 !== null) return v2;
  const both = files.big('memory.memsw.usage_in_bytes');
  const memory = files.big('memory.usage_in_bytes');
  if (both === null || memory === null) return null;
  return both > memory ? both - memory : 0n;
}

function kernelMemory(files: GroupFiles): Held | undefined {
  const v2 = memoryStat(files, 'kernel');
  if (v2 !== null) return held(v2);
  const of = (file: string): bigint | null => files.big(`memory.kmem.${file}`);
  return held(of('usage_in_bytes'), of('max_usage_in_bytes'), Number(of('failcnt') ?? 0));
}

interface Sockets {
  readonly tcp?: Held | undefined;
  readonly other?: Held | undefined;
}

/** Those of its network namespace, as socket(7) and proc_pid_net(5) have them. */
function socketsOf(init: number | undefined): Sockets {
  if (init === undefined) return {};
  const [text, text6] = ['net/sockstat', 'net/sockstat6'].map((file) => readOf(init, file) ?? '');
  const all = /^sockets: used (\d+)/m.exec(text ?? '')?.[1];
  if (all === undefined) return {};
  const tcp = [/^TCP: inuse (\d+)/m.exec(text ?? ''), /^TCP6: inuse (\d+)/m.exec(text6 ?? '')]
    .map((found) => Number(found?.[1] ?? 0))
    .reduce((total, count) => total + count, 0);
  return { tcp: held(tcp), other: held(Math.max(0, Number(all) - tcp)) };
}
