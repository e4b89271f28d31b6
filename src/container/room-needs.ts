/** What one container needs of a host: as one that runs uses it, or at the most that a sample allows. */
import type { ContainerConfig } from '../config/container-config.js';
import { type Ctid, parseCtid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { GroupFiles } from '../host/cgroup/group-files.js';
import { consumptionOf } from '../host/consumption.js';
import { blocksBelow } from '../host/disk-blocks.js';
import { diskUsage } from '../host/disk-usage.js';
import { pidsBelow } from '../host/guest-processes.js';
import { inotifyInstances } from '../host/inotify.js';
import { groupsOfMemory } from '../host/resources.js';
import type { ResourceName } from '../plan/capacity/room.js';
import { isPrivileged } from '../plan/plan-root.js';
import type { RuntimeRecord } from '../state/record.js';
import { readText } from '../state/text-file.js';
import { soundConfig } from './capacity.js';
import type { Context } from './context.js';
import { listCtids } from './create.js';
import { recordOfRunning } from './recover.js';
import type { RoomOptions } from './room.js';

/** Of one container: bytes, things, processors; undefined: this host does not count it, or there is no limit. */
export type Need = Partial<Record<ResourceName, number>>;

export interface Measured {
  readonly config: ContainerConfig;
  readonly record: RuntimeRecord;
}

export function runningOf(context: Context, template: string | undefined): readonly Measured[] {
  return listCtids(context).flatMap((ctid): readonly Measured[] => {
    const record = recordOfRunning(context, ctid);
    const config = record && soundConfig(context, ctid);
    return config && (template === undefined || config.template === template) ? [{ config, record }] : [];
  });
}

/** Microseconds since its start. */
export function cpuOf({ cgroups }: RuntimeRecord): number {
  return Number(consumptionOf(new GroupFiles(cgroups)).cpuMicroseconds);
}

export async function holdingOf(
  { config, record }: Measured,
  signal: AbortSignal | undefined,
): Promise<Need> {
  const { memory, tasks } = consumptionOf(new GroupFiles(record.cgroups));
  const { layout, privateArea, root } = config;
  const counted =
    layout.store === 'quota' ? diskUsage({ store: layout.store, privateArea, root }) : undefined;
  // Of an image what the host's disk holds of it, rather than what is in it.
  const disk = counted ?? (await blocksBelow(privateArea, signal));
  return {
    ...(memory === null ? {} : { memory: Number(memory) }),
    processes: tasks,
    'control groups': groupsOfMemory(record.cgroups),
    'inotify instances': await inotifyInstances(pidsBelow(record.cgroups[0] ?? ''), signal),
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
export function sampleNeed(
  context: Context,
  { template, sample }: Pick<RoomOptions, 'template' | 'sample'>,
): Need {
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
  const limits: readonly (readonly [ResourceName, bigint | number | undefined])[] = [
    ['memory', ram],
    ['processes', numproc],
    ['processors', cpu.limit && cpu.limit / 100],
    ['disk', disk.space?.hard],
    ['inodes', disk.inodes?.hard],
  ];
  return {
    ...Object.fromEntries(
      limits.flatMap(([name, limit]) => (limit === undefined ? [] : [[name, Number(limit)]])),
    ),
    ...identityOf(config),
    'user id ranges': 1,
  };
}

const SOME_CTID: Ctid = parseCtid('101');
