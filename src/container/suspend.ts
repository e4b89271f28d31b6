/**
 * suspend: a running container becomes files, and runs no more. Until all of it is written it can go on, and does so
 * whatever fails; from then on it stands still until it is gone. So a dump that is whole is never behind its container.
 */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCriu } from '../host/criu/find.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readHeader, stagingOf } from '../state/dump.js';
import { whyNotCheckpointable } from './checkpointable.js';
import { type Context, lockContainer } from './context.js';
import { dumpWhenQuiet } from './dump.js';
import { findInit, findRunning, recover, takeAway } from './recover.js';
import { dumpOf, finishSuspend } from './suspended.js';

export interface SuspendOptions {
  /** Where its state goes: a directory. Default: `Dump.CTID` in DUMPDIR, from where `resume` takes it. */
  readonly dump?: string;
  readonly signal?: AbortSignal;
}

export async function suspend(context: Context, ctid: Ctid, options: SuspendOptions = {}): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'suspend', options.signal);
  await recover(context, ctid);
  const running = findRunning(context, ctid);
  using init = running?.init;
  if (!running || !init) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  expectCheckpointable(context, ctid);
  const criu = await findCriu();
  options.signal?.throwIfAborted();
  const directory = options.dump ?? dumpOf(context, ctid);
  // Whoever comes next after a kill has to know where it is.
  writeFileAtomic(context.paths.suspending(ctid), directory, { durable: true });
  try {
    await dumpWhenQuiet(criu, running, { directory, fate: 'ends' });
    await init.wait();
  } catch (error) {
    using left = findInit(context, ctid);
    // CRIU may have come as far as to end it: then all of it is written.
    if (left || !readHeader(stagingOf(directory))) {
      await finishSuspend(context, ctid, left && running);
      throw explain(ctid, error, left !== undefined);
    }
  }
  faultPoint('suspend.killed');
  await finishSuspend(context, ctid, undefined);
  faultPoint('suspend.settled');
  const swept = await takeAway(context, ctid);
  context.report({ type: 'unmounted', ctid });
  if (swept?.failure) throw swept.failure;
}

/** Fails with what keeps it from being dumped. */
export function expectCheckpointable(context: Context, ctid: Ctid): void {
  const [why] = whyNotCheckpointable(context, ctid);
  if (why === undefined) return;
  throw new CellaError('SUSPEND_FAILED', `container ${ctid} cannot be suspended: ${why}`);
}

function explain(ctid: Ctid, error: unknown, goesOn: boolean): unknown {
  if (!(error instanceof CellaError)) return error;
  const what = goesOn ? 'goes on, it cannot be suspended' : 'ended, and could not be suspended';
  return new CellaError('SUSPEND_FAILED', `container ${ctid} ${what}: ${error.message}`, { cause: error });
}
