/**
 * suspend and resume, step by step, for scripts that do something of their own in between: a container stands still, is
 * dumped, and is killed or goes on; it is put back without running, and then runs or is killed. Whatever else is done to
 * it in between ends that: it goes on, or is suspended as before.
 */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCgroup } from '../host/cgroup/index.js';
import { findCriu } from '../host/criu/find.js';
import { obstaclesAtRest } from '../host/criu/inspect.js';
import { prepareStillness } from '../host/criu/stillness.js';
import { pidsBelow } from '../host/guest-processes.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { headerOf, readHeader, settle, stagingOf, takeDump } from '../state/dump.js';
import { readText } from '../state/text-file.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { dumpWhenQuiet } from './dump.js';
import { announceNetwork, intendNetwork, openNetwork } from './network.js';
import { networkPlanOf } from './network-plan.js';
import { findRunning, type Running, recover, takeAway } from './recover.js';
import { wakeSystemd } from './resume.js';
import { expectCheckpointable, type SuspendOptions } from './suspend.js';
import { dumpOf, finishResume, finishSuspend } from './suspended.js';

/** With the lock, and what stands still left as it is. */
async function step(
  context: Context,
  ctid: Ctid,
  verb: 'suspend' | 'resume',
  signal: AbortSignal | undefined,
  work: (running: Running) => Promise<void>,
): Promise<void> {
  using _lock = await lockContainer(context, ctid, verb, signal);
  await recover(context, ctid, { keepStill: true });
  const running = findRunning(context, ctid);
  using _init = running?.init;
  if (!running) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  await work(running);
}

/** It stands still until it is told otherwise, or anything else is done to it. */
export async function holdStill(
  context: Context,
  ctid: Ctid,
  { signal }: SuspendOptions = {},
): Promise<void> {
  await step(context, ctid, 'suspend', signal, async ({ init, record }) => {
    expectCheckpointable(context, ctid);
    const { v2, cgroup } = findCgroup(record.cgroups);
    if (v2 === null) return;
    const directory = dumpOf(context, ctid);
    writeFileAtomic(context.paths.suspending(ctid), directory, { durable: true });
    const still = await prepareStillness(cgroup, v2, headerOf(stagingOf(directory)));
    try {
      await still.begin();
    } catch (error) {
      await still.letGo();
      throw error;
    }
    const [why] = obstaclesAtRest(init.pid, pidsBelow(v2));
    if (why === undefined) return still.keep();
    await still.letGo();
    throw new CellaError('SUSPEND_FAILED', `container ${ctid} goes on, it cannot be suspended: ${why}`);
  });
}

/** Writes the state of one that stands still, and goes on to. At its usual place it counts once the container is killed. */
export async function dumpStill(
  context: Context,
  ctid: Ctid,
  { dump: place, signal }: SuspendOptions = {},
): Promise<void> {
  await step(context, ctid, 'suspend', signal, async (running) => {
    expectStill(context, running);
    const directory = place ?? dumpOf(context, ctid);
    try {
      await dumpWhenQuiet(await findCriu(), running, { directory, fate: 'waits' });
      faultPoint('dump.waits');
      if (place !== undefined) await settle(directory);
    } catch (error) {
      await finishSuspend(context, ctid, running);
      if (!(error instanceof CellaError)) throw error;
      const message = `container ${ctid} goes on, it cannot be suspended: ${error.message}`;
      throw new CellaError('SUSPEND_FAILED', message, { cause: error });
    }
  });
}

/** Ends one that stands still; if its state was written it is suspended then. */
export async function killStill(
  context: Context,
  ctid: Ctid,
  { signal }: SuspendOptions = {},
): Promise<void> {
  await step(context, ctid, 'suspend', signal, async (running) => {
    expectStill(context, running);
    await end(context, ctid, running);
    await finishSuspend(context, ctid, undefined);
  });
}

/** One that stands still goes on; the state of it at its usual place is given up. */
export async function letGo(context: Context, ctid: Ctid, { signal }: SuspendOptions = {}): Promise<void> {
  await step(
    context,
    ctid,
    'suspend',
    signal,
    async (running) => void (await finishSuspend(context, ctid, running)),
  );
}

/** What `resume` has put back without running it runs. */
export async function runRestored(
  context: Context,
  ctid: Ctid,
  { signal }: SuspendOptions = {},
): Promise<void> {
  await step(context, ctid, 'resume', signal, async (running) => {
    const directory = expectRestored(context, running);
    const network = await intendNetwork(context, networkPlanOf(context, loadConfig(context, ctid)));
    if (network) await openNetwork(network);
    takeDump(directory);
    faultPoint('resume.taken');
    await finishResume(context, ctid, running);
    wakeSystemd(running.init);
    if (network) announceNetwork(network);
    context.report({ type: 'mounted', ctid });
  });
}

/** What `resume` has put back without running it is gone again; it is suspended as before. */
export async function killRestored(
  context: Context,
  ctid: Ctid,
  { signal }: SuspendOptions = {},
): Promise<void> {
  await step(context, ctid, 'resume', signal, async (running) => {
    expectRestored(context, running);
    await finishResume(context, ctid, running);
    await takeAway(context, ctid);
  });
}

/** By the words of `chkpnt`. */
export const SUSPEND_STEPS = { suspend: holdStill, dump: dumpStill, kill: killStill, resume: letGo } as const;
export type SuspendStep = keyof typeof SUSPEND_STEPS;

/** By the words of `restore`; the first one is `resume` itself. */
export const RESUME_STEPS = { resume: runRestored, kill: killRestored } as const;
export type ResumeStep = 'undump' | keyof typeof RESUME_STEPS;

async function end(context: Context, ctid: Ctid, { init }: Running): Promise<void> {
  init.kill('SIGKILL');
  await init.wait();
  faultPoint('suspend.killed');
  await takeAway(context, ctid);
  context.report({ type: 'unmounted', ctid });
}

function expectStill(context: Context, { record }: Running): void {
  if (
    findCgroup(record.cgroups).cgroup.isFrozen() &&
    readText(context.paths.suspending(record.ctid)) !== undefined
  )
    return;
  throw new CellaError('SUSPEND_FAILED', `container ${record.ctid} does not stand still`, {
    hint: `Have it do so first: vzctl chkpnt ${record.ctid} --suspend`,
  });
}

/** Returns where its state is. */
function expectRestored(context: Context, { record }: Running): string {
  const directory = readText(context.paths.resuming(record.ctid));
  if (directory !== undefined && readHeader(directory)) return directory;
  throw new CellaError('RESUME_FAILED', `container ${record.ctid} was not put back to be resumed`, {
    hint: `Have that done first: vzctl restore ${record.ctid} --undump`,
  });
}
