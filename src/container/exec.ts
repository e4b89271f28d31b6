/** exec, enter and runscript: commands in a container, behind pipes or a terminal of the container's own. */
import { closeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { enter as enterContainer, type Stdio } from '../host/launcher.js';
import { ProcessHandle } from '../host/processes.js';
import { type Ended, native } from '../native/binding.js';
import { planEnter, planStart } from '../plan/plan-start.js';
import { readRecord } from '../state/record.js';
import { type Context, layersOf, loadConfig, lockContainer } from './context.js';
import { findInit, recover, release } from './recover.js';
import { launch } from './start.js';

export interface GuestProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(signal: NodeJS.Signals): void;
  /** How it ended; output may still be on its way. */
  wait(): Promise<Ended>;
}

export interface GuestTerminal {
  readonly pid: number;
  readonly terminal: Duplex;
  resize(rows: number, columns: number): void;
  kill(signal: NodeJS.Signals): void;
  wait(): Promise<Ended>;
}

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
  const plan = planEnter(config, context.facts(), { argv, env: options.env ?? {}, terminal: false });
  // Awaited here, so that `init` stays open until the command has joined it.
  return await withPipes(async (stdio) => {
    const born = await enterContainer(plan, stdio, init);
    return new ProcessHandle(born.pid, born.pidfd);
  }, options.signal);
}

function runningInit(context: Context, ctid: Ctid): ProcessHandle {
  const init = findInit(context, ctid);
  if (!init) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  return init;
}

/** Pipes of our own, never the caller's descriptors: a process that stays behind must hold nothing of the host's. */
async function withPipes(
  run: (stdio: Stdio) => Promise<ProcessHandle>,
  signal?: AbortSignal,
): Promise<GuestProcess> {
  signal?.throwIfAborted();
  const [input, output, errors] = [native().pipe(), native().pipe(), native().pipe()];
  const theirs = [input[0], output[1], errors[1]];
  const ours = [input[1], output[0], errors[0]];
  let handle: ProcessHandle;
  try {
    handle = await run([input[0], output[1], errors[1]]);
  } catch (error) {
    for (const fd of ours) closeSync(fd);
    throw error;
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
  const ended = handle.wait().finally(() => handle[Symbol.dispose]());
  const kill = (name: NodeJS.Signals): void => void handle.kill(name);
  signal?.addEventListener('abort', () => kill('SIGKILL'), { once: true });
  const stdin = new Socket({ fd: input[1], readable: false, writable: true });
  // Writing to a command that has ended is no failure of the caller's.
  stdin.on('error', () => undefined);
  void ended.finally(() => stdin.destroy());
  return {
    pid: handle.pid,
    stdin,
    stdout: drained(output[0], ended),
    stderr: drained(errors[0], ended),
    kill,
    wait: () => ended,
  };
}

/**
 * What a command wrote, ending when it ended: a background process that keeps the pipe open does not keep the
 * caller waiting.
 */
function drained(fd: number, ended: Promise<unknown>): Readable {
  const pipe = new Socket({ fd, readable: true, writable: false });
  const output = new PassThrough();
  pipe.on('error', () => output.end());
  pipe.pipe(output);
  void finish();
  return output;

  async function finish(): Promise<void> {
    await ended;
    while (!pipe.destroyed && !pipe.readableEnded && (native().unread(fd) > 0 || pipe.readableLength > 0)) {
      await new Promise((resolve) => pipe.once('data', resolve).once('close', resolve));
    }
    pipe.unpipe(output);
    pipe.destroy();
    output.end();
  }
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
  const plan = planEnter(config, context.facts(), { argv: ['/bin/sh', '-l'], env, terminal: true });
  const born = await enterContainer(plan, [-1, -1, -1], init);
  const handle = new ProcessHandle(born.pid, born.pidfd);
  const resize = (rows: number, columns: number): void =>
    native().setWindowSize(born.terminal, rows, columns);
  resize(options.rows, options.columns);
  const terminal = new ReadStream(born.terminal) as unknown as Duplex;
  // EIO is how a terminal says that its last process is gone (tty_ioctl(4)).
  terminal.on('error', () => undefined);
  if (options.command !== undefined) terminal.write(`${options.command}\n`);
  const ended = handle.wait().finally(() => handle[Symbol.dispose]());
  return { pid: born.pid, terminal, resize, kill: (signal) => void handle.kill(signal), wait: () => ended };
}

/** Runs a script of the host in the container: in a running one beside the others, else as its only process. */
export async function runScript(context: Context, ctid: Ctid, file: string): Promise<GuestProcess> {
  const text = readFileSync(file, 'utf8');
  const [shell, ...rest] = (/^#!\s*(\S.*)$/m.exec(text.split('\n', 1)[0] ?? '')?.[1] ?? '/bin/sh')
    .trim()
    .split(/\s+/);
  // The interpreter reads the script from its standard input: nothing is written into the container, nor left there.
  const argv = [shell ?? '/bin/sh', ...rest];
  const running = findInit(context, ctid);
  running?.[Symbol.dispose]();
  const script = running ? await exec(context, ctid, argv) : await runAlone(context, ctid, argv);
  script.stdin.end(text);
  return script;
}

async function runAlone(context: Context, ctid: Ctid, command: readonly string[]): Promise<GuestProcess> {
  const lock = await lockContainer(context, ctid, 'runscript');
  try {
    await recover(context, ctid);
    const config = loadConfig(context, ctid);
    const plan = planStart(config, context.facts(), { lower: layersOf(context, config), command });
    const script = await withPipes((stdio) => launch(context, config, plan, { stdio }));
    const ended = clearedUp(script);
    return { ...script, wait: () => ended };
  } catch (error) {
    lock.release();
    throw error;
  }

  async function clearedUp(script: GuestProcess): Promise<Ended> {
    const ended = await script.wait();
    const record = readRecord(context.paths.record(ctid));
    if (record) await release(context, record);
    lock.release();
    return ended;
  }
}
