/** What there is and how it does: the facts that vzctl status and vzlist show, observed, never stored. */
import { existsSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatLayout } from '../config/layout.js';
import { CellaError } from '../errors.js';
import { openCgroup } from '../host/cgroup/index.js';
import { isMounted, readMounts } from '../host/mounts.js';
import { planCgroup } from '../plan/cgroup.js';
import { readRecord } from '../state/record.js';
import { type Context, loadConfig } from './context.js';
import { listCtids } from './create.js';
import { findInit } from './recover.js';

export interface Status {
  readonly exists: boolean;
  readonly mounted: boolean;
  readonly running: boolean;
  readonly suspended: boolean;
}

/** A user beancounter, in its own unit. */
export interface Counter {
  readonly held: number;
  readonly maxheld: number;
  readonly barrier: bigint;
  readonly limit: bigint;
  readonly failcnt: number;
}

export interface ContainerInfo {
  readonly ctid: number;
  readonly status: 'running' | 'stopped' | 'mounted' | 'suspended';
  readonly hostname: string | null;
  readonly name: string | null;
  readonly description: string | null;
  readonly ostemplate: string | null;
  readonly origin_sample: string | null;
  readonly private: string | null;
  readonly root: string | null;
  readonly layout: string | null;
  readonly numproc: Counter | null;
  /** Pages. */
  readonly physpages: Counter | null;
  readonly ip: readonly string[];
  readonly onboot: boolean | null;
  readonly bootorder: number | null;
  readonly disabled: boolean | null;
  /** Seconds. */
  readonly uptime: number | null;
}

export function status(context: Context, ctid: Ctid): Status {
  if (!existsSync(context.paths.config(ctid)))
    return { exists: false, mounted: false, running: false, suspended: false };
  const config = loadConfig(context, ctid);
  using init = findInit(context, ctid);
  return {
    exists: existsSync(config.privateArea),
    mounted: isMounted(config.root),
    running: init !== undefined,
    suspended: false,
  };
}

export function list(context: Context): readonly ContainerInfo[] {
  const mounted = new Set(readMounts().map(({ target }) => target));
  return listCtids(context).flatMap((ctid) => describe(context, ctid, mounted) ?? []);
}

function describe(context: Context, ctid: Ctid, mounted: ReadonlySet<string>): ContainerInfo | undefined {
  using init = findInit(context, ctid);
  const startedAt = init ? readRecord(context.paths.record(ctid))?.init?.startedAt : undefined;
  const seen = {
    ctid,
    status: init ? 'running' : 'stopped',
    uptime: startedAt === undefined ? null : (Date.now() - startedAt) / 1000,
  } as const;
  try {
    const config = loadConfig(context, ctid);
    const status = !init && mounted.has(config.root) ? 'mounted' : seen.status;
    return { ...seen, ...configured(config), ...counters(context, config, init !== undefined), status };
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    // Destroyed since the directory was read.
    if (error.code === 'NO_CONFIG') return undefined;
    if (error.code !== 'INVALID_CONFIG') throw error;
    // One broken file must not hide the other containers, nor that this one runs.
    context.report({ type: 'warning', ctid, message: error.message });
    return { ...UNKNOWN, ...seen };
  }
}

type Configured = Omit<ContainerInfo, 'ctid' | 'status' | 'uptime' | 'numproc' | 'physpages'>;

function configured(config: ContainerConfig): Configured {
  return {
    hostname: config.hostname ?? null,
    name: config.name ?? null,
    description: config.description ?? null,
    ostemplate: config.template ?? null,
    origin_sample: config.sample ?? null,
    private: config.privateArea,
    root: config.root,
    layout: formatLayout(config.layout),
    ip: [],
    onboot: config.onboot ?? null,
    bootorder: config.bootorder ?? null,
    disabled: config.disabled,
  };
}

const UNKNOWN = {
  hostname: null,
  name: null,
  description: null,
  ostemplate: null,
  origin_sample: null,
  private: null,
  root: null,
  layout: null,
  numproc: null,
  physpages: null,
  ip: [],
  onboot: null,
  bootorder: null,
  disabled: null,
} as const;

const UNLIMITED = 9223372036854775807n;
const PAGE = 4096n;

function counters(
  context: Context,
  config: ContainerConfig,
  running: boolean,
): Pick<ContainerInfo, 'numproc' | 'physpages'> {
  const { cgroups, cgroupGroup } = context.facts();
  const stats = running
    ? openCgroup(planCgroup(cgroups, cgroupGroup, config.ctid, config)).stats()
    : undefined;
  const pages = (bytes: bigint | null | undefined): number => Number((bytes ?? 0n) / PAGE);
  const processes = config.numproc ?? UNLIMITED;
  return {
    numproc: {
      held: stats?.processes ?? 0,
      maxheld: stats?.processesPeak ?? stats?.processes ?? 0,
      barrier: processes,
      limit: processes,
      failcnt: stats?.processFailures ?? 0,
    },
    physpages: {
      held: pages(stats?.memory),
      maxheld: pages(stats?.memoryPeak),
      barrier: 0n,
      limit: config.ram === undefined ? UNLIMITED : config.ram / PAGE,
      failcnt: stats?.memoryFailures ?? 0,
    },
  };
}
