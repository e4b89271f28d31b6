/** exec, enter and runscript: commands in a container. */
import { readFileSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { enter as enterContainer } from '../host/launcher.js';
import { ProcessHandle } from '../host/processes.js';
import type { Ended } from '../native/binding.js';
import { planEnter, planStart } from '../plan/plan-start.js';
import { contentsOf } from './area.js';
import { type Context, factsFor, loadConfig, lockContainer } from './context.js';
import { type GuestProcess, type GuestTerminal, openConsole, withPipes } from './guest.js';
import { findInit, recover, sweep } from './recover.js';
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
  using init = runningInit(context, ctid);
  const plan = planEnter(config, factsFor(context, config), {
    argv,
    env: options.env ?? {},
    terminal: false,
  });
  // Awaited here, so that `init` stays open until the command has joined it.
  return await withPipes(async (stdio) => {
    const born = await enterContainer(plan, stdio, init);
    const handle = new ProcessHandle(born.pid, born.pidfd);
    return { pid: handle.pid, ended: untilGone(handle), kill: (signal) => void handle.kill(signal) };
  }, options.signal);
}

/** How it ended; then nothing of it is held any more. */
export function untilGone(handle: ProcessHandle): Promise<Ended> {
  return handle.wait().finally(() => handle[Symbol.dispose]());
}

function runningInit(context: Context, ctid: Ctid): ProcessHandle {
  const init = findInit(context, ctid);
  if (!init) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  return init;
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
  using init = runningInit(context, ctid);
  const env = { TERM: options.term ?? 'linux' };
  const plan = planEnter(config, factsFor(context, config), { argv: ['/bin/sh', '-l'], env, terminal: true });
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
  const [shell, ...rest] = (/^#!\s*(\S.*)$/m.exec(text.split('\n', 1)[0] ?? '')?.[1] ?? '/bin/sh')
    .trim()
    .split(/\s+/);
  // The interpreter reads the script from its standard input: nothing is written into the container, nor left there.
  const argv = [shell ?? '/bin/sh', ...rest];
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
