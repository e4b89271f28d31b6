/** stop: asks init to shut down, waits, insists; then takes away what start made. */
import { constants } from 'node:os';
import { abortable } from '../abort.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import type { ProcessHandle } from '../host/processes.js';
import { isRealtime, signalNumber } from '../signals.js';
import { type Context, factsFor, loadConfig, lockContainer, templateOf } from './context.js';
import { exec } from './exec.js';
import { findInit, recover, sweep } from './recover.js';

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
  const config = loadConfig(context, ctid);
  using init = findInit(context, ctid);
  if (!init) return { wasRunning: false };
  if (!options.fast) await shutDown(context, config, init, options.signal);
  // The kernel ends a pid namespace with its init.
  init.kill('SIGKILL');
  await init.wait();
  faultPoint('stop.killed');
  await sweep(context, ctid);
  context.report({ type: 'unmounted', ctid });
  return { wasRunning: true };
}

async function shutDown(
  context: Context,
  config: ContainerConfig,
  init: ProcessHandle,
  signal?: AbortSignal,
): Promise<void> {
  if (!(await ask(context, config, init))) return;
  faultPoint('stop.asked');
  const late = new AbortController();
  const limit = setTimeout(() => late.abort(), config.stopTimeout * 1000);
  try {
    await abortable(init.wait(), signal ? AbortSignal.any([signal, late.signal]) : late.signal);
  } catch (error) {
    if (!late.signal.aborted) throw error;
  } finally {
    clearTimeout(limit);
  }
}

/** False when init is gone. */
async function ask(context: Context, config: ContainerConfig, init: ProcessHandle): Promise<boolean> {
  const signal = stopSignal(context, config);
  if (!isRealtime(signal) || !factsFor(context, config).emulated) return init.kill(signal);
  // An emulator keeps some real-time signals to itself and shifts the others: only programs that it runs agree on them.
  const asking = await exec(context, config.ctid, ['/bin/sh', '-c', `kill -${signal} 1`]);
  asking.stdout.resume();
  asking.stderr.resume();
  await asking.wait();
  return true;
}

/** What the template's init takes as "power off". */
function stopSignal(context: Context, config: ContainerConfig): number {
  const powerFail = constants.signals.SIGPWR;
  if (config.template === undefined) return powerFail;
  return signalNumber(templateOf(context, config.template).manifest.stopSignal) ?? powerFail;
}
