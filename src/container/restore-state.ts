/** A container's place, made without its processes, and CRIU, which puts those into it. */
import { closeSync, openSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCgroup, openCgroup } from '../host/cgroup/index.js';
import { delegate } from '../host/cgroup/systemd.js';
import { limitGroups, makeGroups } from '../host/cgroup/tree.js';
import { callCriu } from '../host/criu/call.js';
import { pidsBelow } from '../host/guest-processes.js';
import type { Keeper } from '../host/keeper.js';
import { mountRoot } from '../host/launcher.js';
import { umountAll } from '../host/mounts.js';
import { raiseLoopback } from '../host/netlink/links.js';
import { writeGuestNetwork } from '../host/network/guest-settings.js';
import { bootId, ProcessHandle, startTime } from '../host/processes.js';
import { run } from '../host/run.js';
import { DEVICE_MOUNTS, restoreOptions, viewMount } from '../plan/checkpoint/criu-options.js';
import { planPlace } from '../plan/plan-start.js';
import { type DumpHeader, imagesOf, putBackDump, takeDump } from '../state/dump.js';
import { confinementOf, type RuntimeRecord, removeRecord, writeRecord } from '../state/record.js';
import type { Undo } from '../undo.js';
import { warn } from './actions.js';
import { contentsOf } from './area.js';
import { type Context, factsFor } from './context.js';
import { bindsOf, dropPlaces, externalBinds, makePlaces } from './held-binds.js';
import { KeptConsole } from './kept-console.js';
import { prepareRoot } from './mount.js';
import { announceNetwork, attachNetwork, detachNetwork, type NetworkIntent, openNetwork } from './network.js';
import type { Running } from './recover.js';
import { applyShares } from './shares.js';
import { lxcfsOf } from './view.js';

interface Making {
  readonly header: DumpHeader;
  readonly network: NetworkIntent | undefined;
  readonly undo: Undo;
  /** It ran on another host, and its images have been made to fit this one. */
  readonly migrated?: boolean;
}

/** Its control groups, with its limits, and its root; returns its record, which has no init yet. */
export async function makePlace(
  context: Context,
  config: ContainerConfig,
  { header, network, undo, migrated = false }: Making,
): Promise<RuntimeRecord> {
  undo.push('take bind mounts', () => dropPlaces(context, config.ctid));
  await dropPlaces(context, config.ctid);
  const binds = bindsOf(header.record);
  const held = { binds, places: makePlaces(context, config, binds) };
  const plan = planPlace(config, factsFor(context, config), contentsOf(context, config), held);
  const { directories } = plan.cgroup;
  if (!migrated && directories.join() !== header.record.cgroups.join())
    throw new CellaError('RESUME_FAILED', 'its control groups were elsewhere than this host has them');
  await prepareRoot(context, config);
  if (plan.cgroup.delegation) await delegate(plan.cgroup.delegation);
  const path = context.paths.record(config.ctid);
  const { network: _, ...was } = header.record;
  const record: RuntimeRecord = {
    ...was,
    bootId: bootId(),
    root: config.root,
    cgroups: directories,
    // CRIU gives it clocks of its own, so that they go on where they were.
    confinement: { ...confinementOf(was), time: true },
    ...(network ? { network: network.record } : {}),
    init: null,
  };
  undo.push('write record', () => removeRecord(path));
  writeRecord(path, record);
  const groups = openCgroup(plan.cgroup);
  undo.push('make control groups', async () => {
    await groups.kill();
    await groups.remove();
  });
  undo.push('mount root', () => umountAll(config.root));
  await umountAll(config.root);
  await mountRoot(plan);
  const { v2 } = plan.cgroup;
  if (v2 !== null) makeGroups(v2, header.groups);
  applyShares(context, config, plan.cgroup);
  return record;
}

interface Restoring extends Making {
  readonly program: string;
  readonly directory: string;
  /** Its parent, which keeps its console too; default: this process, and the caller. */
  readonly keeper: Keeper | undefined;
  /** All of it is there, and held until this is settled. */
  readonly ready?: (init: number) => Promise<void>;
  /** Nothing of it runs yet, and its state stays where it is. */
  readonly still?: boolean | undefined;
  /** Its memory is fetched as it needs it. */
  readonly lazy?: boolean | undefined;
}

export interface Restored extends Running {
  /** Master of its console; -1: it has none, or it is kept. */
  readonly console: number;
}

/** Has its processes be there again, in the place of `record`. */
export async function restore(
  context: Context,
  record: RuntimeRecord,
  { program, directory, header, network, keeper, undo, ready, still = false, lazy = false }: Restoring,
): Promise<Restored> {
  const images = openSync(imagesOf(directory), 'r');
  const views = header.views.map((name) => viewMount(name, lxcfsOf(context)));
  const console = new KeptConsole();
  undo.push('take the console', () => console.drop());
  let [restored, runs] = [record, false];
  try {
    const { pid = 0 } = await callCriu({
      program,
      request: 'restore',
      keeper,
      // It may have been moved by then.
      log: `/proc/self/fd/${images}/restore.log`,
      options: restoreOptions({
        images,
        root: record.root,
        mounts: [...DEVICE_MOUNTS, ...externalBinds(record, context.paths.binds(record.ctid)), ...views],
        wentOn: header.wentOn === true,
        still,
        lazy,
      }),
      hooks: {
        'setup-namespaces': async ({ pid: root = 0 }) => {
          await raiseLoopback(root);
          if (network) {
            undo.push('attach network', () => detachNetwork(context, record));
            await attachNetwork(context, network, root, { held: true });
          }
          await restoreSettings(context, record, root, header);
        },
        'post-setup-namespaces': () => {
          const { v2 } = findCgroup(record.cgroups);
          if (v2 !== null) limitGroups(v2, header.groups);
        },
        'orphan-pts-master': ({ fd }) => console.take(fd),
        'post-restore': async ({ pid: root = 0, criu }) => {
          faultPoint('resume.restored');
          const init = { pid: root, startTime: startTime(root) ?? '', startedAt: Date.now() };
          restored = { ...record, init };
          writeRecord(context.paths.record(record.ctid), restored);
          if (!still) {
            undo.push('take the state', () => (runs ? undefined : putBackDump(directory)));
            takeDump(directory);
            faultPoint('resume.taken');
          }
          console.find(criu, header.console);
          undo.push('claim init', () => keeper?.forget(init));
          if (keeper) await console.give(keeper, init);
          faultPoint('resume.kept');
          await ready?.(root);
        },
        'network-unlock': async () => {
          if (!network || still) return;
          await openNetwork(network);
          announceNetwork(network);
        },
      },
    });
    runs = true;
    await dropPlaces(context, record.ctid);
    // CRIU has made the container's own of it by now, which keeps what this one had.
    await run(['mount', '-o', 'remount,bind,nosuid,nodev', record.root]);
    if (still) await freezeStopped(restored);
    const init = ProcessHandle.find(pid, restored.init?.startTime ?? '');
    if (!init) throw new CellaError('RESUME_FAILED', 'it ended at once');
    return { init, record: restored, console: console.release() };
  } catch (error) {
    if (!(error instanceof CellaError) || error.code !== 'SYSTEM') throw error;
    const message = `container ${record.ctid} cannot be resumed: ${error.message}`;
    throw new CellaError('RESUME_FAILED', message, { cause: error });
  } finally {
    closeSync(images);
  }
}

/** What cannot be is told: its processes are worth more. */
async function restoreSettings(
  context: Context,
  { ctid }: RuntimeRecord,
  init: number,
  { guestNetwork }: DumpHeader,
): Promise<void> {
  if (!guestNetwork) return;
  for (const what of await writeGuestNetwork(init, guestNetwork)) warn(context, ctid, what);
}

/** CRIU has stopped them before they run; control groups hold them without their parents being told, and without end. */
async function freezeStopped({ cgroups }: RuntimeRecord): Promise<void> {
  const { cgroup, v2 } = findCgroup(cgroups);
  await cgroup.freeze();
  for (const pid of v2 === null ? [] : pidsBelow(v2)) process.kill(pid, 'SIGCONT');
}
