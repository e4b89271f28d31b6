/**
 * resume: a suspended container goes on where it was. Its state is taken from its place just before its processes run, and
 * put back if they do not come to that; so no state is there of a container that has gone on.
 */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCriu } from '../host/criu/find.js';
import type { ProcessHandle } from '../host/processes.js';
import { native } from '../native/binding.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { withUndo } from '../undo.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { openKeeper } from './keeper.js';
import { expectUnclaimed, intendNetwork } from './network.js';
import { networkPlanOf } from './network-plan.js';
import { findInit, recover } from './recover.js';
import { makePlace, type Restored, restore } from './restore-state.js';
import { expectResumable } from './resumable.js';
import { dumpOf, finishResume } from './suspended.js';

export interface ResumeOptions {
  /** Where its state is; default: where `suspend` has put it. */
  readonly dump?: string;
  /** The caller gets the other side of its console, and must keep it. Default: the keeper has it, as its init's parent. */
  readonly console?: boolean;
  /** Puts it back and has it stand still: see `runRestored`. */
  readonly still?: boolean;
  readonly signal?: AbortSignal;
}

/** The init is the caller's to let go and, where there is no keeper, a child of this process. */
export async function resume(
  context: Context,
  ctid: Ctid,
  options: ResumeOptions = {},
): Promise<Pick<Restored, 'init' | 'console'>> {
  using _lock = await lockContainer(context, ctid, 'resume', options.signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  using running = findInit(context, ctid);
  if (running) throw new CellaError('ALREADY_RUNNING', `container ${ctid} is running`);
  const directory = options.dump ?? dumpOf(context, ctid);
  const header = await expectResumable(ctid, directory);
  const { program } = await findCriu('RESUME_FAILED');
  const network = await intendNetwork(context, networkPlanOf(context, config));
  if (network) await expectUnclaimed(context, ctid, network);
  // Kept by nobody, a console hangs up on its guest.
  using keeper = options.console
    ? undefined
    : await openKeeper(context, { always: header.console !== undefined });
  options.signal?.throwIfAborted();
  const restored = await withUndo(async (undo) => {
    // Whoever comes next after a kill has to know where it is.
    undo.push('note the state', async () => void (await finishResume(context, ctid, undefined)));
    writeFileAtomic(context.paths.resuming(ctid), directory, { durable: true });
    const place = await makePlace(context, config, { header, network, undo });
    faultPoint('resume.placed');
    const restoring = { program, directory, header, network, keeper, undo, still: options.still };
    return restore(context, place, restoring);
  });
  faultPoint('resume.runs');
  if (options.still) return restored;
  wakeSystemd(restored.init);
  await finishResume(context, ctid, restored);
  context.report({ type: 'mounted', ctid });
  return restored;
}

/**
 * systemd 257 takes notes from its services by what it remembers of their processes, which a restore changes: it looks again
 * when it reloads (systemd(1), SIGHUP). Else watchdogs would end services some minutes later.
 */
export function wakeSystemd(init: ProcessHandle): void {
  if (native().readKernelFile(`/proc/${init.pid}/comm`) === 'systemd\n') init.kill('SIGHUP');
}
