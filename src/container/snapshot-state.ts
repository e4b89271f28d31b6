/** The processes of a snapshot: dumped at the moment of its files, and put where `resume` finds them when it is gone back to. */
import { constants, copyFileSync, linkSync, readdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError, isErrno } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCriu } from '../host/criu/find.js';
import { makeStates, stateOf } from '../host/storage/states.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import {
  type DumpHeader,
  imagesOf,
  makeStaging,
  readHeader,
  settle,
  stagingOf,
  writeHeader,
} from '../state/dump.js';
import type { Snapshot } from '../state/snapshots.js';
import { whyNotCheckpointable } from './checkpointable.js';
import type { Context } from './context.js';
import { dumpWhenQuiet } from './dump.js';
import { findRunning } from './recover.js';
import { expectResumable } from './resumable.js';
import { formatUuid } from './snapshot-edit.js';
import { dumpOf, finishSuspend, letGoOn } from './suspended.js';

/**
 * Keeps the processes of a running container, which goes on, for the snapshot `uuid`; `copy` is called while it stands
 * still. Returns why that cannot be, in which case nothing of it counts; undefined: they are kept.
 */
export async function keepProcesses(
  context: Context,
  { ctid, privateArea }: ContainerConfig,
  uuid: string,
  copy: () => Promise<void>,
): Promise<string | undefined> {
  const running = findRunning(context, ctid);
  using _init = running?.init;
  if (!running) return 'it does not run';
  const [why] = whyNotCheckpointable(context, ctid);
  if (why !== undefined) return why;
  try {
    const criu = await findCriu();
    makeStates(privateArea);
    const directory = stateOf(privateArea, uuid);
    await dumpWhenQuiet(criu, running, { directory, fate: 'goes on', meanwhile: copy });
    faultPoint('snapshot.goes-on');
    await settle(directory);
  } catch (error) {
    await letGoOn(running);
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}

/** The same of a suspended one; false: it is not. */
export async function keepSuspended(
  context: Context,
  { ctid, privateArea }: ContainerConfig,
  uuid: string,
): Promise<boolean> {
  const suspended = dumpOf(context, ctid);
  const header = readHeader(suspended);
  if (!header) return false;
  makeStates(privateArea);
  const directory = stateOf(privateArea, uuid);
  writeHeader(copyDump(suspended, directory), header);
  await settle(directory);
  return true;
}

/** Where the processes of a snapshot are, if it has any. */
export function processesOf({ privateArea }: ContainerConfig, { uuid, state }: Snapshot): string | undefined {
  return state ? stateOf(privateArea, uuid) : undefined;
}

/** Fails where there are none that could go on. */
export async function expectProcesses(config: ContainerConfig, snapshot: Snapshot): Promise<void> {
  const directory = processesOf(config, snapshot);
  if (directory === undefined)
    throw new CellaError(
      'SWITCH_FAILED',
      `snapshot ${formatUuid(snapshot.uuid)} holds no processes that could be resumed`,
    );
  await findCriu('SWITCH_FAILED');
  await expectResumable(config.ctid, directory);
}

/** Has `change` put the files back that the state `from` belongs to: the container is suspended in it then, else as it was. */
export async function suspendedIn(
  context: Context,
  ctid: Ctid,
  from: string,
  change: () => Promise<void>,
): Promise<void> {
  const header = readHeader(from);
  if (!header) throw new CellaError('SWITCH_FAILED', `'${from}' is not there`);
  const directory = dumpOf(context, ctid);
  // Whoever comes next after a kill has to know where it is.
  writeFileAtomic(context.paths.suspending(ctid), directory, { durable: true });
  try {
    const staging = copyDump(from, directory);
    await change();
    const state: DumpHeader = { ...header, wentOn: true };
    writeHeader(staging, state);
    faultPoint('snapshot-switch.suspended');
  } finally {
    await finishSuspend(context, ctid, undefined);
  }
}

/** All but the header; what CRIU writes while it restores goes to files of their own. Returns where it is. */
function copyDump(from: string, directory: string): string {
  const staging = makeStaging(directory);
  const [source, target] = [imagesOf(from), imagesOf(stagingOf(directory))];
  for (const name of readdirSync(source).filter((each) => each.endsWith('.img')))
    shareFile(`${source}/${name}`, `${target}/${name}`);
  return staging;
}

function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!isErrno(error, 'EXDEV', 'EPERM', 'EMLINK')) throw error;
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}
