/** What runs, as far as the kernel does not say it: written before the first thing is made, removed after the last. */
import { rmSync } from 'node:fs';
import { CellaError } from '../errors.js';
import { type Confinement, USUAL } from '../plan/confinement.js';
import type { Given } from '../plan/equipment.js';
import type { NetworkPlan } from '../plan/network/network-plan.js';
import { writeFileAtomic } from './atomic-file.js';
import { readText } from './text-file.js';

export interface RuntimeRecord {
  readonly version: 1;
  readonly ctid: number;
  /** Another boot's record names nothing that still exists. */
  readonly bootId: string;
  /** VE_ROOT as it was at the start, whatever the config says by now. */
  readonly root: string;
  readonly cgroups: readonly string[];
  /** How it was confined at its start; absent: as usual. */
  readonly confinement?: Confinement;
  /** What of the host it has beyond the usual. */
  readonly given?: Given;
  /** Interfaces of the host that it has or is just getting. */
  readonly links?: Links;
  /** How it is on the network; absent: not at all, but for what it has of the host. */
  readonly network?: NetworkRecord;
  /** Init, once there is one: a pid alone may belong to somebody else by now. */
  readonly init: { readonly pid: number; readonly startTime: string; readonly startedAt: number } | null;
}

/** What is to be taken down, whatever the configuration says by then. */
export interface NetworkRecord {
  readonly plan: NetworkPlan;
  /** Of nftables. */
  readonly table: string;
  /** On which interfaces of the host, by index, it answers for which addresses. */
  readonly proxies: readonly { readonly index: number; readonly address: string }[];
  /** Names this run in counts of its traffic. */
  readonly run: string;
}

export interface Links {
  /** Its network namespace is mounted here for as long as it has any: then none of them is lost with its processes. */
  readonly namespace: string;
  /** Index in that namespace, which the guest cannot change; null until it is there. */
  readonly interfaces: readonly { readonly name: string; readonly index: number | null }[];
}

export function confinementOf(record: RuntimeRecord | undefined): Confinement {
  return record?.confinement ?? USUAL;
}

/** It was written, but not to the disk, before the power went: with it went all that it names. */
const LOST = /^\0*$/;

export function readRecord(path: string): RuntimeRecord | undefined {
  const text = readText(path);
  if (text === undefined || LOST.test(text)) return undefined;
  const record = parse(text);
  if (!record)
    throw new CellaError('SYSTEM', `'${path}' is not a runtime record`, {
      hint: 'Remove it if no process of the container is left.',
    });
  return record;
}

function parse(text: string): RuntimeRecord | undefined {
  try {
    const value = JSON.parse(text) as RuntimeRecord;
    const sound = value.version === 1 && typeof value.root === 'string' && Array.isArray(value.cgroups);
    return sound ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Not synced: it lives no longer than the boot. */
export function writeRecord(path: string, record: RuntimeRecord): void {
  writeFileAtomic(path, `${JSON.stringify(record)}\n`, { durable: false });
}

export function removeRecord(path: string): void {
  rmSync(path, { force: true });
}
