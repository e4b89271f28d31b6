/** exec, enter and runscript: commands in a container. */
import { readFileSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { enter as enterContainer } from '../host/launcher.js';
import { ProcessHandle } from '../host/processes.js';
import type { Ended } from '../native/binding.js';
import { planEnter, planStart } from '../plan/plan-start.js';
import { confinementOf } from '../state/record.js';
import { contentsOf } from './area.js';
import { type Context, factsFor, loadConfig, lockContainer } from './context.js';
import { gather } from './given.js';
import { type GuestProcess, type GuestTerminal, openConsole, withPipes } from './guest.js';
import { execIn, interpreterOf, untilGone } from './inside.js';
import { findInit, findRunning, type Running, recover, sweep } from './recover.js';
import { launch } from './start.js';

export interface ExecOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function exec(
  context: Context,
  ctid: Ctid,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<GuestProcess> {
  const config = loadConfig(context, ctid);
  const { init: running } = expectRunning(context, ctid);
  using init = running;
  return await execIn(context, config, init, { argv, ...options });
}

function expectRunning(context: Context, ctid: Ctid): Running {
  const running = findRunning(context, ctid);
  if (!running) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  return running;
}

export interface EnterOptions {
  readonly rows: number;
  readonly columns: number;
  /** Typed into the shell first. */
  readonly command?: string;
  readonly term?: string;
}

/** A login shell on a fresh pty of the container's devpts. */
export async function enter(context: Context, ctid: Ctid, options: EnterOptions): Promise<GuestTerminal> {
  const config = loadConfig(context, ctid);
  const { init: running, record } = expectRunning(context, ctid);
  using init = running;
  const env = { TERM: options.term ?? 'linux' };
  const plan = planEnter(config, factsFor(context, config), {
    argv: ['/bin/sh', '-l'],
    env,
    terminal: true,
    confinement: confinementOf(record),
  });
  const born = await enterContainer(plan, [-1, -1, -1], init);
  const handle = new ProcessHandle(born.pid, born.pidfd);
  const console = openConsole(born.terminal);
  console.resize(options.rows, options.columns);
  if (options.command !== undefined) console.terminal.write(`${options.command}\n`);
  const ended = untilGone(handle);
  return { ...console, pid: born.pid, kill: (signal) => void handle.kill(signal), wait: () => ended };
}

/** Runs a script of the host in the container: in a running one beside the others, else as its only process. */
export async function runScript(
  context: Context,
  ctid: Ctid,
  file: string,
  options: Pick<ExecOptions, 'signal'> = {},
): Promise<GuestProcess> {
  const text = readFileSync(file, 'utf8');
  const argv = interpreterOf(text);
  const running = findInit(context, ctid);
  running?.[Symbol.dispose]();
  const script = await (running ? exec : runAlone)(context, ctid, argv, options);
  script.stdin.end(text);
  return script;
}

async function runAlone(
  context: Context,
  ctid: Ctid,
  command: readonly string[],
  { signal }: Pick<ExecOptions, 'signal'>,
): Promise<GuestProcess> {
  const lock = await lockContainer(context, ctid, 'runscript', signal);
  try {
    await recover(context, ctid);
    const config = loadConfig(context, ctid);
    const plan = planStart(config, factsFor(context, config), {
      layers: contentsOf(context, config),
      given: await gather(context, config),
      command: { argv: command },
    });
    return await withPipes(async (stdio) => {
      const { init } = await launch(context, config, plan, { stdio, signal });
      return { pid: init.pid, ended: clearedUp(init), kill: (name) => void init.kill(name) };
    }, signal);
  } catch (error) {
    lock.release();
    throw error;
  }

  async function clearedUp(init: ProcessHandle): Promise<Ended> {
    try {
      const ended = await untilGone(init);
      await sweep(context, ctid);
      return ended;
    } finally {
      lock.release();
    }
  }
}

/** Whether a command inside, whose output is nobody's, ends well; false too where there is none, or `signal` ends it. */
export async function succeeds(
  context: Context,
  ctid: Ctid,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const running = await exec(context, ctid, argv, { signal });
    running.stdout.resume();
    running.stderr.resume();
    return (await running.wait()).code === 0;
  } catch {
    return false;
  }
}
