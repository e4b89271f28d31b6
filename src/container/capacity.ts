/** What this host has, and what its containers hold and were promised of it. */
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { PAGE_SIZE } from '../config/units.js';
import { CellaError } from '../errors.js';
import { type GroupFiles, GroupLook } from '../host/cgroup/group-files.js';
import { consumptionOf } from '../host/consumption.js';
import { heldBy } from '../host/held.js';
import { hostResources } from '../host/resources.js';
import { type Capacity, type ContainerResources, promisedMemory } from '../plan/capacity/facts.js';
import { DEFAULT_UNITS } from '../plan/shares.js';
import { warn } from './actions.js';
import { type Context, loadConfig } from './context.js';
import { listCtids } from './create.js';
import { recordOfRunning } from './recover.js';

/** `ctids`: default all, running or not. One whose config is broken is left out, with a warning. */
export function capacity(context: Context, ctids?: ReadonlySet<number>): Capacity {
  const host = hostResources();
  const groups = new GroupLook();
  const containers = listCtids(context)
    .filter((ctid) => ctids?.has(ctid) ?? true)
    .flatMap((ctid) => {
      const config = soundConfig(context, ctid);
      const record = recordOfRunning(context, ctid);
      const held = record && heldNow(groups.of(record.cgroups));
      return config ? [resourcesOf(config, held, host.memory.total)] : [];
    });
  return { host, containers };
}

/** Undefined: it is broken, or the container was destroyed meanwhile. */
export function soundConfig(context: Context, ctid: Ctid): ContainerConfig | undefined {
  try {
    return loadConfig(context, ctid);
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    if (error.code === 'NO_CONFIG') return undefined;
    if (error.code !== 'INVALID_CONFIG') throw error;
    warn(context, ctid, error.message);
    return undefined;
  }
}

function resourcesOf(
  config: ContainerConfig,
  held: ContainerResources['held'] | undefined,
  total: bigint,
): ContainerResources {
  const { ram, swap, numproc, cpu } = config;
  return {
    ctid: config.ctid,
    name: config.name ?? null,
    template: config.template ?? null,
    running: held !== undefined,
    held: held ?? { memory: 0n, swap: 0n, tasks: 0 },
    promised: promisedMemory(config.guarantee, ram, total),
    limits: { memory: ram ?? null, swap: swap ?? null, tasks: numproc ?? null },
    cpu: { units: cpu.units ?? DEFAULT_UNITS, limit: cpu.limit ?? null },
  };
}

function heldNow(files: GroupFiles): ContainerResources['held'] {
  const { memory, tasks } = consumptionOf(files);
  const pages = heldBy(files, undefined, ['swappages']).get('swappages')?.held;
  return { memory, tasks, swap: pages === undefined ? null : BigInt(pages) * BigInt(PAGE_SIZE) };
}
