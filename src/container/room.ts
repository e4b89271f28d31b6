/** How many more containers of a kind this host holds, by what those hold that run. */
import { dirname } from 'node:path';
import { existing } from '../host/existing.js';
import { inotifyRoom } from '../host/inotify.js';
import { diskRoom, groupRoom, hostResources, idleCpus } from '../host/resources.js';
import {
  type Demand,
  needOf,
  type ResourceName,
  type Room,
  roomOf,
  scarcest,
} from '../plan/capacity/room.js';
import { type Context, templateOf } from './context.js';
import { idRanges } from './make.js';
import { privateRoom } from './network-plan.js';
import { cpuOf, holdingOf, type Measured, type Need, runningOf, sampleNeed } from './room-needs.js';

export interface RoomOptions {
  /** Of which those are that are measured; default: all that run. */
  readonly template?: string | undefined;
  /** Name of a sample config whose limits count where nothing of the kind runs. */
  readonly sample?: string | undefined;
  /** What one more is taken to need: what they hold on average, or the largest of them; default: average. */
  readonly by?: 'average' | 'largest' | undefined;
  /** Percent that is to be left free of memory, processes, processors, disk and inodes; default: 10. */
  readonly reserve?: number | undefined;
  /** Milliseconds for which use of processors is measured; default: 2000. */
  readonly interval?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HostRoom {
  readonly basis: 'measured' | 'limits';
  /** Those that were measured. */
  readonly ctids: readonly number[];
  readonly resources: readonly Room[];
  /** How many more fit; null: nothing bounds them. */
  readonly more: number | null;
  /** What runs out first. */
  readonly first: ResourceName | null;
}

/** Throws NOT_RUNNING where there is nothing to go by. */
export async function hostRoom(context: Context, options: RoomOptions = {}): Promise<HostRoom> {
  const measured = runningOf(context, options.template);
  if (measured.length === 0 && options.template !== undefined) templateOf(context, options.template);
  const limits = measured.length > 0 ? undefined : [sampleNeed(context, options)];
  const { needs, idle } = await measure(measured, options);
  const inotify = limits ? null : await inotifyRoom(options.signal);
  const by = options.by ?? 'average';
  const resources = demands(context, limits ?? needs, { idle, inotify, by }).map((demand) =>
    roomOf(demand, options.reserve ?? 10),
  );
  const first = scarcest(resources);
  return {
    basis: limits ? 'limits' : 'measured',
    ctids: measured.map(({ config }) => config.ctid),
    resources,
    more: first?.more ?? null,
    first: first?.resource ?? null,
  };
}

async function measure(
  measured: readonly Measured[],
  { interval = 2000, signal }: RoomOptions,
): Promise<{ readonly needs: readonly Need[]; readonly idle: number }> {
  const before = measured.map(({ record }) => cpuOf(record));
  const since = performance.now();
  const idle = await idleCpus(interval, signal);
  const microseconds = (performance.now() - since) * 1000;
  // Before anything else is looked at, which takes time too.
  const used = measured.map(({ record }, at) => Math.max(0, cpuOf(record) - (before[at] ?? 0)));
  const needs = await Promise.all(
    measured.map(async (each, at) => ({
      ...(await holdingOf(each, signal)),
      processors: (used[at] ?? 0) / microseconds,
    })),
  );
  return { needs, idle };
}

interface Measure {
  readonly idle: number;
  readonly inotify: Awaited<ReturnType<typeof inotifyRoom>>;
  readonly by: 'average' | 'largest';
}

function demands(
  context: Context,
  needs: readonly Need[],
  { idle, inotify, by }: Measure,
): readonly Demand[] {
  const { memory, tasks, cpu } = hostResources();
  const disk = diskRoom(areasOf(context));
  const ids = idRanges(context);
  const demand = (
    resource: ResourceName,
    unit: Demand['unit'],
    room: { readonly free: bigint | number; readonly total: bigint | number } | null | undefined,
    varies = true,
  ): readonly Demand[] => {
    const known = needs.flatMap((need) => need[resource] ?? []);
    if (!room || known.length === 0) return [];
    const [free, total] = [Number(room.free), Number(room.total)];
    return [{ resource, unit, each: needOf(known, by), free, total, varies }];
  };
  const addresses = privateRoom(context);
  const ofFamily = (family: 4 | 6) => addresses.find((room) => room.family === family);
  return [
    ...demand('memory', 'bytes', { free: memory.available, total: memory.total }),
    ...demand('processes', 'things', { free: tasks.limit - tasks.held, total: tasks.limit }),
    ...demand('processors', 'processors', { free: idle, total: cpu.count }),
    ...demand('control groups', 'things', groupRoom()),
    ...demand('inotify instances', 'things', inotify),
    ...demand('disk', 'bytes', disk.bytes),
    ...demand('inodes', 'things', disk.files),
    ...demand('ipv4 addresses', 'things', ofFamily(4), false),
    ...demand('ipv6 addresses', 'things', ofFamily(6), false),
    ...demand('user id ranges', 'things', ids, false),
  ];
}

/** Where private areas are, or will be: nothing of it may be there before the first one is. */
export function areasOf(context: Context): string {
  return existing(dirname(context.paths.at(context.hostConfig().private)));
}
