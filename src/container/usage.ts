/** What containers use, and which of them a process of the host belongs to. */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { GroupLook } from '../host/cgroup/group-files.js';
import { type Consumption, consumptionOf } from '../host/consumption.js';
import { type Guests, locate, namespaceOf, type ProcessPlace } from '../host/guest-processes.js';
import { type LinkTraffic, linkTraffic } from '../host/netlink/links.js';
import { type Pressure, pressureOf } from '../host/pressure.js';
import type { RuntimeRecord } from '../state/record.js';
import { type Context, loadConfig } from './context.js';
import { listCtids } from './create.js';
import { hostEnds } from './network.js';
import { findInit, recordOfRunning } from './recover.js';

export interface ContainerUsage {
  readonly ctid: number;
  readonly running: boolean;
  /** Null: none, or the config is broken. */
  readonly hostname: string | null;
  readonly name: string | null;
  /** Its limit of memory, bytes; null: none. */
  readonly ram: bigint | null;
  /** When `used` was looked at: milliseconds on a clock that nobody sets. */
  readonly at: number;
  /** Null for one that does not run. */
  readonly used: Consumption | null;
  readonly pressure: Pressure | null;
  /** Bytes, of frames, since its links were made; null: it has none that end on this host. */
  readonly network: Traffic | null;
}

interface Traffic {
  readonly sent: bigint;
  readonly received: bigint;
}

/** By number. */
export async function usage(context: Context): Promise<readonly ContainerUsage[]> {
  const look = { links: await linkTraffic(), groups: new GroupLook() };
  return listCtids(context).flatMap((ctid) => usageOf(context, ctid, look) ?? []);
}

type Links = ReadonlyMap<string, LinkTraffic>;

interface Look {
  readonly links: Links;
  readonly groups: GroupLook;
}

function usageOf(context: Context, ctid: Ctid, { links, groups }: Look): ContainerUsage | undefined {
  const names = namesOf(context, ctid);
  if (!names) return undefined;
  const record = recordOfRunning(context, ctid);
  const files = record && groups.of(record.cgroups);
  return {
    ctid,
    ...names,
    running: record !== undefined,
    at: performance.now(),
    used: files ? consumptionOf(files) : null,
    pressure: files ? pressureOf(files) : null,
    network: record ? trafficOf(record, links) : null,
  };
}

/** What the host has received there the container has sent. */
function trafficOf({ network }: RuntimeRecord, links: Links): Traffic | null {
  const ends = (network ? hostEnds(network.plan) : []).flatMap((name) => links.get(name) ?? []);
  if (ends.length === 0) return null;
  return {
    sent: ends.reduce((sum, { received }) => sum + received, 0n),
    received: ends.reduce((sum, { sent }) => sum + sent, 0n),
  };
}

const NAMELESS = { hostname: null, name: null, ram: null } as const;

/** Undefined for one that was destroyed since the directory was read. */
function namesOf(
  context: Context,
  ctid: Ctid,
): Pick<ContainerUsage, 'hostname' | 'name' | 'ram'> | undefined {
  try {
    const { hostname, name, ram } = loadConfig(context, ctid);
    return { hostname: hostname ?? null, name: name ?? null, ram: ram ?? null };
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    if (error.code === 'NO_CONFIG') return undefined;
    if (error.code !== 'INVALID_CONFIG') throw error;
    return NAMELESS;
  }
}

/** Of each process where it is; those that are gone are left out. */
export function locateAll(context: Context, pids: readonly number[]): readonly ProcessPlace[] {
  const guests = guestsOf(context);
  return pids.flatMap((pid) => locate(pid, guests) ?? []);
}

function guestsOf(context: Context): Guests {
  const { cgroups, cgroupGroup } = context.facts();
  const ours = cgroups.delegation?.path ?? 'cella';
  const inits = listCtids(context).flatMap((ctid) => {
    using init = findInit(context, ctid);
    const namespace = init && namespaceOf(init.pid);
    return namespace === undefined ? [] : [[namespace, ctid] as const];
  });
  return { parent: cgroupGroup === '' ? ours : `${ours}/${cgroupGroup}`, namespaces: new Map(inits) };
}
