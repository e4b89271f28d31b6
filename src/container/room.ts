/** How many more containers of a kind this host holds, by what those hold that run. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ContainerConfig } from '../config/container-config.js';
import { type Ctid, parseCtid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { consumptionOf } from '../host/consumption.js';
import { blocksBelow } from '../host/disk-blocks.js';
import { diskUsage } from '../host/disk-usage.js';
import { diskRoom, hostResources, idleCpus } from '../host/resources.js';
import {
  type Demand,
  needOf,
  type ResourceName,
  type Room,
  roomOf,
  scarcest,
} from '../plan/capacity/room.js';
import { isPrivileged } from '../plan/plan-root.js';
import { type RuntimeRecord, readRecord } from '../state/record.js';
import { readText } from '../state/text-file.js';
import { soundConfig } from './capacity.js';
import { type Context, templateOf } from './context.js';
import { listCtids } from './create.js';
import { idRanges } from './make.js';
import { privateRoom } from './network-plan.js';
import { findInit } from './recover.js';

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

/** Of one container: bytes, things, processors; undefined: this host does not count it, or there is no limit. */
type Need = Partial<Record<ResourceName, number>>;

/** Throws NOT_RUNNING where there is nothing to go by. */
export async function hostRoom(context: Context, options: RoomOptions = {}): Promise<HostRoom> {
  const measured = runningOf(context, options.template);
  if (measured.length === 0 && options.template !== undefined) templateOf(context, options.template);
  const before = measured.map(({ record }) => cpuOf(record));
  const since = performance.now();
  const idle = await idleCpus(options.interval ?? 2000, options.signal);
  const microseconds = (performance.now() - since) * 1000;
  const needs =
    measured.length > 0
      ? await Promise.all(
          measured.map(async (each, at) => ({
            ...(await holdingOf(each, options.signal)),
            processors: Math.max(0, cpuOf(each.record) - (before[at] ?? 0)) / microseconds,
          })),
        )
      : [limitsOf(context, options)];
  const resources = demands(context, needs, { idle, by: options.by ?? 'average' }).map((demand) =>
    roomOf(demand, options.reserve ?? 10),
  );
  const first = scarcest(resources);
  return {
    basis: measured.length > 0 ? 'measured' : 'limits',
    ctids: measured.map(({ config }) => config.ctid),
    resources,
    more: first?.more ?? null,
    first: first?.resource ?? null,
  };
}

interface Measured {
  readonly config: ContainerConfig;
  readonly record: RuntimeRecord;
}

function runningOf(context: Context, template: string | undefined): readonly Measured[] {
  return listCtids(context).flatMap((ctid): readonly Measured[] => {
    using init = findInit(context, ctid);
    const record = init && readRecord(context.paths.record(ctid));
    const config = record && soundConfig(context, ctid);
    return config && (template === undefined || config.template === template) ? [{ config, record }] : [];
  });
}

function cpuOf({ cgroups }: RuntimeRecord): number {
  return Number(consumptionOf(cgroups).cpuMicroseconds);
}

async function holdingOf({ config, record }: Measured, signal: AbortSignal | undefined): Promise<Need> {
  const { memory, tasks } = consumptionOf(record.cgroups);
  const { layout, privateArea, root } = config;
  const counted =
    layout.store === 'quota' ? diskUsage({ store: layout.store, privateArea, root }) : undefined;
  // Of an image what the host's disk holds of it, rather than what is in it.
  const disk = counted ?? (await blocksBelow(privateArea, signal));
  return {
    ...(memory === null ? {} : { memory: Number(memory) }),
    processes: tasks,
    disk: Number(disk.bytes),
    inodes: Number(disk.files),
    ...identityOf(config),
  };
}

/** What it takes up whether it runs or not. */
function identityOf(config: ContainerConfig): Need {
  const { nat, published, natAddresses } = config.network;
  const isPrivate = nat ?? published.length > 0;
  const has = (family: 4 | 6): boolean => natAddresses.some((address) => address.family === family);
  return {
    'ipv4 addresses': isPrivate || has(4) ? 1 : 0,
    'ipv6 addresses': isPrivate || has(6) ? 1 : 0,
    'user id ranges': isPrivileged(config) ? 0 : 1,
  };
}

/** At the most that a sample allows. */
function limitsOf(context: Context, { template, sample }: RoomOptions): Need {
  const kind = template === undefined ? 'container' : `container of template '${template}'`;
  if (sample === undefined)
    throw new CellaError('NOT_RUNNING', `no ${kind} runs, so there is nothing measured`, {
      hint: 'Start one, or name a sample configuration with --config, whose limits are taken instead.',
    });
  const path = context.paths.sample(sample);
  const text = readText(path);
  if (text === undefined) throw new CellaError('NO_CONFIG', `sample '${sample}' does not exist`);
  const config = context.readContainer(SOME_CTID, text, path);
  const { ram, numproc, cpu, disk } = config;
  const number = (limit: bigint | undefined): number => Number(limit ?? 0n);
  return {
    memory: number(ram),
    processes: number(numproc),
    processors: (cpu.limit ?? 0) / 100,
    disk: number(disk.space?.hard),
    inodes: number(disk.inodes?.hard),
    ...identityOf(config),
    'user id ranges': 1,
  };
}

const SOME_CTID: Ctid = parseCtid('101');

interface Measure {
  readonly idle: number;
  readonly by: 'average' | 'largest';
}

function demands(context: Context, needs: readonly Need[], { idle, by }: Measure): readonly Demand[] {
  const { memory, tasks, cpu } = hostResources();
  const disk = diskRoom(existingAbove(context.paths.at(context.hostConfig().private)));
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
    ...demand('disk', 'bytes', disk.bytes),
    ...demand('inodes', 'things', disk.files),
    ...demand('ipv4 addresses', 'things', ofFamily(4), false),
    ...demand('ipv6 addresses', 'things', ofFamily(6), false),
    ...demand('user id ranges', 'things', ids, false),
  ];
}

/** The directory of private areas may not be there before the first one is. */
export function existingAbove(pattern: string): string {
  let at = dirname(pattern);
  while (!existsSync(at)) at = dirname(at);
  return at;
}
