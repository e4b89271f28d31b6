/** What there is and how it does: the facts that vzctl status and vzlist show, observed, never stored. */
import { existsSync, readFileSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import type { ConfigFile } from '../config/grammar.js';
import { COUNTERS, type CounterName, type ListedSettings } from '../config/listed-settings.js';
import { CellaError } from '../errors.js';
import { type GroupFiles, GroupLook } from '../host/cgroup/group-files.js';
import { consumptionOf } from '../host/consumption.js';
import { diskUsage } from '../host/disk-usage.js';
import { heldBy } from '../host/held.js';
import { runnable } from '../host/load.js';
import { isMounted, readMounts } from '../host/mounts.js';
import type { RuntimeRecord } from '../state/record.js';
import { readText } from '../state/text-file.js';
import { type Context, loadConfig } from './context.js';
import { listCtids } from './create.js';
import { atRest, type ContainerInfo, countersOf, disksOf, UNKNOWN } from './listed.js';
import { findInit, recordOfRunning } from './recover.js';
import { isSuspended, suspendedOnes } from './suspended.js';

export interface Status {
  readonly exists: boolean;
  readonly mounted: boolean;
  readonly running: boolean;
  readonly suspended: boolean;
}

export interface ListOptions {
  /** What takes time to find out; default: all of it. */
  readonly with?: readonly Detail[];
  /** Default: every container. */
  readonly ctids?: ReadonlySet<number>;
}

/** Beancounters, all or one; use of the disk, load, and what was used up since the start. */
export type Detail = 'counters' | CounterName | 'disk' | 'load' | 'used';

export function status(context: Context, ctid: Ctid): Status {
  if (!existsSync(context.paths.config(ctid)))
    return { exists: false, mounted: false, running: false, suspended: false };
  const config = loadConfig(context, ctid);
  using init = findInit(context, ctid);
  return {
    exists: existsSync(config.privateArea),
    mounted: isMounted(config.root),
    running: init !== undefined,
    suspended: init === undefined && isSuspended(context, ctid),
  };
}

interface Look {
  /** vz.conf, read once. */
  readonly host: () => ConfigFile;
  readonly mounted: ReadonlySet<string>;
  readonly suspended: () => ReadonlySet<number>;
  readonly details: ReadonlySet<Detail>;
  readonly counters: readonly CounterName[];
  readonly groups: GroupLook;
  /** Seconds since the host was started. */
  readonly hostUptime: number;
}

const DETAILS: readonly Detail[] = ['counters', 'disk', 'load', 'used'];

/** By number. */
export function list(context: Context, options: ListOptions = {}): readonly ContainerInfo[] {
  const details = new Set(options.with ?? DETAILS);
  const look = {
    host: once(() => context.hostFile()),
    mounted: new Set(readMounts().map(({ target }) => target)),
    suspended: once(() => suspendedOnes(context)),
    details,
    counters: details.has('counters') ? COUNTERS : COUNTERS.filter((name) => details.has(name)),
    groups: new GroupLook(),
    hostUptime: Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
  };
  return listCtids(context)
    .filter((ctid) => options.ctids?.has(ctid) ?? true)
    .flatMap((ctid) => describe(context, ctid, look) ?? []);
}

/** What fails does so for whom it is asked: a broken file of the host's is told with each container. */
function once<T extends object>(look: () => T): () => T {
  let found: T | undefined;
  return () => {
    found ??= look();
    return found;
  };
}

function describe(context: Context, ctid: Ctid, look: Look): ContainerInfo | undefined {
  const record = recordOfRunning(context, ctid);
  const files = record && look.groups.of(record.cgroups);
  const running = {
    ctid,
    status: record ? 'running' : 'stopped',
    uptime: record ? uptimeOf(record, look.hostUptime) : null,
    ...usedBy(files, look.details),
  } as const;
  try {
    return known(context, running, { record, files }, look);
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    if (error.code !== 'INVALID_CONFIG') throw error;
    // One broken file must not hide the other containers, nor that this one runs.
    context.report({ type: 'warning', ctid, message: error.message });
    return { ...UNKNOWN, smart_name: String(ctid), ...running };
  }
}

type Running = Pick<
  ContainerInfo,
  'ctid' | 'status' | 'uptime' | 'laverage' | 'cputime' | 'ioread' | 'iowritten'
>;

/** Undefined for one that was destroyed since the directory was read. */
function known(
  context: Context,
  running: Running & { readonly ctid: Ctid },
  { record, files }: { readonly record?: RuntimeRecord | undefined; readonly files?: GroupFiles | undefined },
  { host, mounted, suspended, details, counters }: Look,
): ContainerInfo | undefined {
  const { ctid } = running;
  const path = context.paths.config(ctid);
  const text = readText(path);
  if (text === undefined) return undefined;
  const config = context.readContainer(ctid, text, path, host());
  const settings = context.readListed(text, path, host());
  const { root, privateArea, layout } = config;
  const isMounted = mounted.has(root);
  const info = Object.assign(atRest(config, settings), running);
  if (!record && isMounted) info.status = 'mounted';
  if (!record && suspended().has(ctid)) info.status = 'suspended';
  if (files && counters.length > 0)
    Object.assign(info, countersOf(settings, heldBy(files, record?.init?.pid, counters)));
  const place = { store: layout.store, privateArea, root: isMounted ? root : undefined };
  if (details.has('disk')) Object.assign(info, disksOf(settings, diskUsage(place)));
  return info;
}

/** As the files have them. */
export function settingsOf(context: Context, ctid: Ctid): ListedSettings {
  const path = context.paths.config(ctid);
  return context.readListed(readText(path) ?? '', path);
}

type Used = Pick<ContainerInfo, 'laverage' | 'cputime' | 'ioread' | 'iowritten'>;

function usedBy(files: GroupFiles | undefined, details: ReadonlySet<Detail>): Used {
  const used = files && details.has('used') ? consumptionOf(files) : undefined;
  const load = files && details.has('load') ? runnable(files.directories[0] ?? '') : undefined;
  return {
    // No kernel keeps averages of a container: what there is to run now is the best that can be said.
    laverage: load === undefined ? null : [load, load, load],
    cputime: used ? Number(used.cpuMicroseconds) / 1e6 : null,
    ioread: used?.read ?? null,
    iowritten: used?.written ?? null,
  };
}

/** Ticks of proc_pid_stat(5) in a second, on every machine that we run on (USER_HZ). */
const TICKS = 100;

/** Seconds, by the clock that started with the host and that nobody sets. */
function uptimeOf({ init }: RuntimeRecord, hostUptime: number): number | null {
  if (!init) return null;
  return Math.max(0, hostUptime - Number(init.startTime) / TICKS);
}
