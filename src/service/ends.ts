/** What becomes of a container whose init has ended: cleaned up after, or started again. */
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import { type Context, lockDirectory } from '../container/context.js';
import { isReboot, sweep } from '../container/recover.js';
import { Keeper } from '../host/keeper.js';
import type { Ended } from '../native/binding.js';
import { type Lock, takeFreeLock } from '../state/lock.js';
import { readRecord } from '../state/record.js';
import type { Ending } from './events.js';
import type { Running } from './roster.js';

export interface End extends Ended {
  readonly how: Ending;
}

const UNKNOWN: Ended = { code: null, signal: null };

export async function cleanUpAfter(context: Context, running: Running): Promise<End> {
  const { ctid } = running;
  using keeper = Keeper.connect(context.paths.keeper);
  const known = await keeper?.collect(running);
  // A verb that ends a container holds its lock until all of it is gone.
  using lock = await lockWhile(context, ctid, () => isOf(context, running));
  if (!lock) return { ...(known ?? UNKNOWN), how: 'stopped' };
  await sweep(context, ctid);
  return { ...(known ?? UNKNOWN), how: endingOf(known) };
}

/** Takes away what a killed start or a guest that ended unseen has left, unless somebody works on it. */
export async function cleanUpRemains(context: Context, ctid: Ctid): Promise<boolean> {
  using lock = takeFreeLock({ directory: lockDirectory(context), name: String(ctid), verb: 'service' });
  return lock !== undefined && (await sweep(context, ctid)) !== undefined;
}

function isOf(context: Context, { ctid, pid, startTime }: Running): boolean {
  const init = readRecord(context.paths.record(ctid))?.init;
  return init?.pid === pid && init.startTime === startTime;
}

const PAUSE_MS = 50;

/** Undefined when `condition` has ended first. */
async function lockWhile(context: Context, ctid: Ctid, condition: () => boolean): Promise<Lock | undefined> {
  const directory = lockDirectory(context);
  while (condition()) {
    const lock = takeFreeLock({ directory, name: String(ctid), verb: 'service' });
    if (lock && condition()) return lock;
    lock?.release();
    await sleep(PAUSE_MS);
  }
  return undefined;
}

/** reboot(2): how the first process of a pid namespace ends. */
function endingOf(ended: Ended | undefined): Ending {
  if (isReboot(ended)) return 'rebooted';
  if (ended === undefined) return 'unknown';
  if (ended.code === 0 || ended.signal === constants.signals.SIGINT) return 'powered-off';
  return 'died';
}
