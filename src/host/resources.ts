/** What this host has of what containers take, and how much of it is in use, as proc(5) tells. */
import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abort.js';
import { numbersOf } from '../config/numbers.js';
import { isErrno } from '../errors.js';
import type { HostResources } from '../plan/capacity/facts.js';
import { onlineCpus } from './cpus.js';

const read = (path: string): string => readFileSync(path, 'utf8');

export function hostResources(): HostResources {
  const info = read('/proc/meminfo');
  const bytes = (key: string): bigint => bytesOf(info, key);
  const neverOvercommits = read('/proc/sys/vm/overcommit_memory').trim() === '2';
  return {
    memory: { total: bytes('MemTotal'), available: bytes('MemAvailable') },
    swap: { total: bytes('SwapTotal'), free: bytes('SwapFree') },
    committed: {
      held: bytes('Committed_AS'),
      limit: neverOvercommits ? bytes('CommitLimit') : null,
    },
    tasks: {
      held: Number(/^(?:\S+ ){3}\d+\/(\d+)/.exec(read('/proc/loadavg'))?.[1] ?? 0),
      limit: Math.min(...['threads-max', 'pid_max'].map((name) => Number(read(`/proc/sys/kernel/${name}`)))),
    },
    cpu: { count: onlineCount(), bogomips: bogomips() },
  };
}

export function onlineCount(): number {
  return numbersOf(onlineCpus()).length;
}

/** Of all processors that are online. */
function bogomips(): number | null {
  const all = [...read('/proc/cpuinfo').matchAll(/^bogomips\s*: ([\d.]+)$/gim)].map(([, value]) =>
    Number(value),
  );
  return all.length === 0 ? null : all.reduce((sum, value) => sum + value, 0);
}

/** What the kernel has numbers for (MEM_CGROUP_ID_MAX). */
const MOST_GROUPS = 65_535;

/** Control groups of memory, empty ones that still hold some included; null: the kernel has none. */
export function groupRoom(): { readonly free: number; readonly total: number } | null {
  const held = /^memory\s+\d+\s+(\d+)/m.exec(read('/proc/cgroups'))?.[1];
  return held === undefined ? null : { free: Math.max(0, MOST_GROUPS - Number(held)), total: MOST_GROUPS };
}

/** How many groups of memory there are in and below a container's; 0: it has none. */
export function groupsOfMemory(directories: readonly string[]): number {
  const top = directories.find((at) => existsSync(`${at}/memory.stat`));
  return top === undefined ? 0 : groupsBelow(top);
}

function groupsBelow(directory: string): number {
  try {
    const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return below.reduce((sum, { name }) => sum + groupsBelow(`${directory}/${name}`), 1);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 0;
    throw error;
  }
}

/** Without reading more of /proc than a start has time for. */
export function memoryTotal(): bigint {
  return bytesOf(read('/proc/meminfo'), 'MemTotal');
}

function bytesOf(meminfo: string, key: string): bigint {
  return BigInt(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024n;
}

/** Processors that had nothing to do, on average over that time. */
export async function idleCpus(milliseconds: number, signal?: AbortSignal): Promise<number> {
  const before = idleTime();
  await abortable(sleep(milliseconds), signal);
  const after = idleTime();
  const all = after.all - before.all;
  return all === 0 ? 0 : ((after.idle - before.idle) / all) * onlineCount();
}

/** Of all processors together, in one unit: `idle` and `iowait` are the fourth and the fifth. */
function idleTime(): { readonly idle: number; readonly all: number } {
  const [line = ''] = read('/proc/stat').split('\n');
  // The last two, guests, are in others already.
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { idle: (times[3] ?? 0) + (times[4] ?? 0), all: times.reduce((sum, time) => sum + time, 0) };
}

export interface DiskRoom {
  /** Bytes, and files; a file system that makes inodes as it needs them has none that are counted. */
  readonly bytes: { readonly free: bigint; readonly total: bigint };
  readonly files: { readonly free: bigint; readonly total: bigint } | null;
}

/** Of the file system that a directory is in. */
export function diskRoom(directory: string): DiskRoom {
  const { blocks, bavail, bsize, files, ffree } = statfsSync(directory, { bigint: true });
  return {
    bytes: { free: bavail * bsize, total: blocks * bsize },
    files: files === 0n ? null : { free: ffree, total: files },
  };
}
