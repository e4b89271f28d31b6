/**
 * Finishes what a killed command left: the first thing that every changing verb does once it has the lock.
 *
 * Each half-done state names itself: a `.creating` config, a `.destroying` private area, a `.throwaway` mark that
 * nobody holds the lock of, a runtime record whose init is gone.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { constants } from 'node:os';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { findCgroup } from '../host/cgroup/index.js';
import { Keeper } from '../host/keeper.js';
import { isMounted, removeMountPoint, umountAll, umountTree } from '../host/mounts.js';
import { bootId, ProcessHandle, startTime } from '../host/processes.js';
import { removeArea } from '../host/storage/index.js';
import type { Ended } from '../native/binding.js';
import { removeDump, resumingOf } from '../state/dump.js';
import { ADMISSION, ALLOCATION, commandLock, isFree } from '../state/lock.js';
import { type RuntimeRecord, readRecord, removeRecord } from '../state/record.js';
import { readText } from '../state/text-file.js';
import { setScriptsAside } from './action-files.js';
import { finishScripts, takeDown, warn } from './actions.js';
import { condemnedArea, releaseArea, releaseContents, stagingArea, untilFree } from './area.js';
import { type Context, lockDirectory } from './context.js';
import { dropPlaces } from './held-binds.js';
import { takeBackInterfaces } from './interfaces.js';
import { finishMigration } from './migration.js';
import { detachNetwork } from './network.js';
import { finishRenumber } from './renumbered.js';
import { finishReplace } from './replace-area.js';
import { finishSnapshots } from './snapshot-edit.js';
import { comingOf, dumpOf, finishResume, finishSuspend } from './suspended.js';
import { discard } from './throwaway.js';

/** `keepStill`: one that stands still, for the next step of a suspend or a resume, is left so. */
export async function recover(context: Context, ctid: Ctid, { keepStill = false } = {}): Promise<void> {
  if (await finishRenumber(context, ctid)) context.report({ type: 'recovered', ctid, left: 'move' });
  if (await finishScripts(context, ctid, () => isUp(context, ctid)))
    context.report({ type: 'recovered', ctid, left: 'script' });
  if (await finishMigration(context, ctid)) context.report({ type: 'recovered', ctid, left: 'migration' });
  await finishCreate(context, ctid);
  await finishDestroy(context, ctid);
  await finishRun(context, ctid);
  await finishChange(context, ctid);
  sweepLock(context);
  if (!(keepStill && isStill(context, ctid))) await finishCheckpoint(context, ctid);
  if (await sweep(context, ctid)) context.report({ type: 'recovered', ctid, left: 'start' });
}

/** A suspend or a resume. */
async function finishCheckpoint(context: Context, ctid: Ctid): Promise<void> {
  const running = findRunning(context, ctid);
  using _init = running?.init;
  if (await finishSuspend(context, ctid, running))
    context.report({ type: 'recovered', ctid, left: 'suspend' });
  if (await finishResume(context, ctid, running)) context.report({ type: 'recovered', ctid, left: 'resume' });
}

function isStill(context: Context, ctid: Ctid): boolean {
  const running = findRunning(context, ctid);
  using _init = running?.init;
  return running !== undefined && findCgroup(running.record.cgroups).cgroup.isFrozen();
}

/** What became of a container that runs no more. */
export interface Swept {
  /** How its init ended, where that is known. */
  readonly ended: Ended | undefined;
  /** Of an action script, in spite of which all is taken away. */
  readonly failure?: CellaError | undefined;
}

/** Takes away what is left of it, with a warning of what fails; undefined when there is nothing to take away. */
export async function sweep(context: Context, ctid: Ctid): Promise<Swept | undefined> {
  const swept = await takeAway(context, ctid);
  if (swept?.failure) warn(context, ctid, swept.failure.message);
  return swept;
}

/** The same without the warning. */
export async function takeAway(context: Context, ctid: Ctid): Promise<Swept | undefined> {
  const record = readRecord(context.paths.record(ctid));
  if (!record) return undefined;
  using init = initOf(record);
  if (init) return undefined;
  using keeper = Keeper.connect(context.paths.keeper);
  const ended = record.init ? await keeper?.collect(record.init) : undefined;
  if (isReboot(ended)) markRebooting(context, ctid);
  if (record.init) keeper?.forget(record.init);
  return { ended, failure: await takeDown(context, record, () => release(context, record)) };
}

function isUp(context: Context, ctid: Ctid): boolean {
  using init = findInit(context, ctid);
  return init !== undefined;
}

/** How an init ends whose guest asks for a reboot (reboot(2)). */
export function isReboot(ended: Ended | undefined): boolean {
  return ended?.signal === constants.signals.SIGHUP;
}

/** Has the node service start it again, whatever happens to whoever found out. */
export function markRebooting(context: Context, ctid: Ctid): void {
  writeFileSync(context.paths.rebooting(ctid), '', { mode: 0o600 });
}

export function isRebooting(context: Context, ctid: Ctid): boolean {
  return existsSync(context.paths.rebooting(ctid));
}

/** It is to stay as it is. */
export function unmarkRebooting(context: Context, ctid: Ctid): void {
  rmSync(context.paths.rebooting(ctid), { force: true });
}

/** A running container's init; undefined when it does not run. */
export function findInit(context: Context, ctid: Ctid): ProcessHandle | undefined {
  return findRunning(context, ctid)?.init;
}

export interface Running {
  readonly init: ProcessHandle;
  readonly record: RuntimeRecord;
}

export function findRunning(context: Context, ctid: Ctid): Running | undefined {
  const record = readRecord(context.paths.record(ctid));
  const init = record && initOf(record);
  return init && { init, record };
}

/** Its record, for those who only look. */
export function recordOfRunning(context: Context, ctid: Ctid): RuntimeRecord | undefined {
  const record = readRecord(context.paths.record(ctid));
  if (!record?.init || record.bootId !== bootId()) return undefined;
  return startTime(record.init.pid) === record.init.startTime ? record : undefined;
}

/** For what cannot be done to a running container. */
export function expectStopped(context: Context, ctid: Ctid): void {
  using init = findInit(context, ctid);
  if (!init) return;
  throw new CellaError('ALREADY_RUNNING', `container ${ctid} is running`, {
    hint: `Stop it first: vzctl stop ${ctid}`,
  });
}

/** For what cannot be done while anything holds its root open. */
export function expectUnmounted({ ctid, root }: Pick<ContainerConfig, 'ctid' | 'root'>): void {
  if (!isMounted(root)) return;
  throw new CellaError('ALREADY_MOUNTED', `container ${ctid} is mounted`, {
    hint: `Unmount it first: vzctl umount ${ctid}`,
  });
}

function initOf(record: RuntimeRecord): ProcessHandle | undefined {
  if (record.bootId !== bootId() || !record.init) return undefined;
  return ProcessHandle.find(record.init.pid, record.init.startTime);
}

/** Takes away what a start made, in reverse; each part may be gone already. */
export async function release(context: Context, record: RuntimeRecord): Promise<void> {
  if (record.bootId === bootId()) {
    await takeBackInterfaces(context, record);
    await detachNetwork(context, record);
  }
  // Unmounting takes longest, and needs nobody's end: whoever is left has the container's own mounts.
  if (record.bootId === bootId()) await Promise.all([umountAll(record.root), removeCgroups(record.cgroups)]);
  await dropPlaces(context, record.ctid);
  removeRecord(context.paths.record(record.ctid));
}

async function removeCgroups(directories: readonly string[]): Promise<void> {
  const { cgroup } = findCgroup(directories);
  await cgroup.kill();
  await cgroup.remove();
}

/** A throw-away container whose command nobody runs any more, and the lock's file of whoever was killed. */
async function finishRun(context: Context, ctid: Ctid): Promise<void> {
  const directory = lockDirectory(context);
  const isThrowaway = existsSync(context.paths.throwaway(ctid));
  if (!isThrowaway && !existsSync(`${directory}/${commandLock(ctid)}.lck`)) return;
  if (!isFree(directory, commandLock(ctid)) || !isThrowaway) return;
  using init = findInit(context, ctid);
  init?.kill('SIGKILL');
  await init?.wait();
  await sweep(context, ctid);
  await discard(context, ctid);
  context.report({ type: 'recovered', ctid, left: 'run' });
}

async function finishChange(context: Context, ctid: Ctid): Promise<void> {
  await releaseContents(context, ctid);
  await releaseArea(context, ctid);
  const path = context.paths.config(ctid);
  const text = readText(path);
  if (text === undefined) return;
  // A verb that ended just now may have had it mounted.
  await untilFree(context, context.readContainer(ctid, text, path));
  if (await finishReplace(context, context.readContainer(ctid, text, path)))
    return context.report({ type: 'recovered', ctid, left: 'replacement' });
  if (await finishSnapshots(context, context.readContainer(ctid, text, path)))
    context.report({ type: 'recovered', ctid, left: 'snapshot' });
}

/** The allocation lock's file outlives a killed holder; looking whether it is free takes it away. */
function sweepLock(context: Context): void {
  const directory = lockDirectory(context);
  for (const name of [ALLOCATION, ADMISSION])
    if (existsSync(`${directory}/${name}.lck`)) isFree(directory, name);
}

async function finishCreate(context: Context, ctid: Ctid): Promise<void> {
  const path = context.paths.creating(ctid);
  const text = readText(path);
  if (text === undefined) return;
  if (!existsSync(context.paths.config(ctid)) && text !== '') {
    const { privateArea, root } = context.readContainer(ctid, text, path);
    await endCopy(context, ctid, root);
    // create writes this file only after it saw that there was no private area: what is there now is its own.
    await removeArea(privateArea);
    await removeArea(stagingArea(privateArea));
  }
  rmSync(path, { force: true });
  context.report({ type: 'recovered', ctid, left: 'create' });
}

/** Of a container that was just coming from another host: nobody there has said that it is to be kept. */
export async function endCopy(context: Context, ctid: Ctid, root: string): Promise<void> {
  using init = findInit(context, ctid);
  init?.kill('SIGKILL');
  await init?.wait();
  await sweep(context, ctid);
  removeMountPoint(root);
  // The last is of one that came suspended.
  const directory = comingOf(context, ctid);
  for (const dump of [directory, resumingOf(directory), dumpOf(context, ctid)]) {
    await umountTree(dump);
    removeDump(dump);
  }
}

async function finishDestroy(context: Context, ctid: Ctid): Promise<void> {
  const config = context.paths.config(ctid);
  const kept = readText(config) === undefined ? `${config}.destroyed` : config;
  const text = readText(kept);
  if (text === undefined) return;
  const { privateArea } = context.readContainer(ctid, text, kept);
  const condemned = condemnedArea(privateArea);
  if (!existsSync(condemned)) return;
  setScriptsAside(context, ctid);
  if (kept === config) await rename(config, `${config}.destroyed`);
  await removeArea(condemned);
  context.report({ type: 'recovered', ctid, left: 'destroy' });
}
