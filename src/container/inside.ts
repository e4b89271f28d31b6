/** Commands in the container of an init that is given, which may be held back still. */
import type { ContainerConfig } from '../config/container-config.js';
import { enter } from '../host/launcher.js';
import { ProcessHandle } from '../host/processes.js';
import type { Ended } from '../native/binding.js';
import { planEnter } from '../plan/plan-start.js';
import { confinementOf, readRecord } from '../state/record.js';
import { type Context, factsFor } from './context.js';
import { type GuestProcess, withPipes } from './guest.js';

export interface InsideOptions {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function execIn(
  context: Context,
  config: ContainerConfig,
  init: ProcessHandle,
  { argv, env = {}, signal }: InsideOptions,
): Promise<GuestProcess> {
  const confinement = confinementOf(readRecord(context.paths.record(config.ctid)));
  const plan = planEnter(config, factsFor(context, config), { argv, env, terminal: false, confinement });
  // Awaited here, so that `init` stays open until the command has joined it.
  return await withPipes(async (stdio) => {
    const born = await enter(plan, stdio, init);
    const handle = new ProcessHandle(born.pid, born.pidfd);
    return { pid: handle.pid, ended: untilGone(handle), kill: (name) => void handle.kill(name) };
  }, signal);
}

/** How it ended; then nothing of it is held any more. */
export function untilGone(handle: ProcessHandle): Promise<Ended> {
  return handle.wait().finally(() => handle[Symbol.dispose]());
}

/** The interpreter reads the script from its standard input: nothing is written into the container, nor left there. */
export function interpreterOf(text: string): readonly string[] {
  const line = /^#!\s*(\S.*)$/m.exec(text.split('\n', 1)[0] ?? '')?.[1] ?? '/bin/sh';
  return line.trim().split(/\s+/);
}
