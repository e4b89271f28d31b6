/** stop: asks init to shut down, waits, insists; then takes away what start made. */
import { abortable } from '../abort.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import type { ProcessHandle } from '../host/processes.js';
import { Actions } from './actions.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { askToPowerOff } from './power-off.js';
import { findInit, recover, takeAway, unmarkRebooting } from './recover.js';

export interface StopOptions {
  /** Without a clean shutdown. */
  readonly fast?: boolean;
  readonly signal?: AbortSignal;
}

/** Stopping a stopped container is fine, as vzctl has it. */
export async function stop(
  context: Context,
  ctid: Ctid,
  options: StopOptions = {},
): Promise<{ readonly wasRunning: boolean }> {
  using _lock = await lockContainer(context, ctid, 'stop', options.signal);
  await recover(context, ctid);
  return await stopLocked(context, ctid, options);
}

/** With the container's lock held. */
export async function stopLocked(
  context: Context,
  ctid: Ctid,
  options: StopOptions,
): Promise<{ readonly wasRunning: boolean }> {
  const config = loadConfig(context, ctid);
  using init = findInit(context, ctid);
  unmarkRebooting(context, ctid);
  if (!init) return { wasRunning: false };
  const actions = Actions.find(context, config);
  if (!options.fast) {
    if (actions) await askScripts(actions, config, init, options.signal);
    await shutDown(context, config, init, options.signal);
  }
  // The kernel ends a pid namespace with its init.
  init.kill('SIGKILL');
  await init.wait();
  faultPoint('stop.killed');
  const swept = await takeAway(context, ctid);
  unmarkRebooting(context, ctid);
  context.report({ type: 'unmounted', ctid });
  if (swept?.failure) throw swept.failure;
  return { wasRunning: true };
}

/** One that fails keeps it running; a fast stop does without them. */
async function askScripts(
  actions: Actions,
  config: ContainerConfig,
  init: ProcessHandle,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await actions.run('stop', { into: { config, init }, limit: config.stopTimeout, signal });
  } finally {
    actions.settle();
  }
}

async function shutDown(
  context: Context,
  config: ContainerConfig,
  init: ProcessHandle,
  signal?: AbortSignal,
): Promise<void> {
  const late = new AbortController();
  const limit = setTimeout(() => late.abort(), config.stopTimeout * 1000);
  const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  try {
    if (!(await askToPowerOff(context, config, init, either))) return;
    faultPoint('stop.asked');
    await abortable(init.wait(), either);
  } catch (error) {
    if (!late.signal.aborted) throw error;
  } finally {
    clearTimeout(limit);
  }
}
