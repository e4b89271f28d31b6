/** Waits until what a guest's init has to start is started. */
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import type { ProcessHandle } from '../host/processes.js';
import { SYSTEMD_READY } from '../template/init.js';
import { type Context, templateOf } from './context.js';
import { exec } from './exec.js';
import { programOf } from './power-off.js';

/** Fails with WAIT_FAILED where it ends before that. */
export async function waitUntilUp(
  context: Context,
  config: ContainerConfig,
  init: ProcessHandle,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ready = readyOf(context, config, init);
  if (ready.length === 0) return;
  const asking = await exec(context, config.ctid, ready, signal ? { signal } : {});
  asking.stdout.resume();
  asking.stderr.resume();
  const { code } = await asking.wait();
  signal?.throwIfAborted();
  if (code !== 0) throw new CellaError('WAIT_FAILED', `container ${config.ctid} ended before it was up`);
}

/** What its template says or, of one that came here without, what runs. */
function readyOf(context: Context, { template }: ContainerConfig, { pid }: ProcessHandle): readonly string[] {
  if (template !== undefined) return templateOf(context, template).manifest.ready;
  return programOf(pid) === 'systemd' ? SYSTEMD_READY : [];
}
