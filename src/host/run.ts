/** Runs tools of the host: always an argument list, never a shell's command line. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { endOf, toolFailed } from './tool-failure.js';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment; that of this process when absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Standard input; empty when absent. */
  readonly input?: string;
  /** Exit statuses besides 0 that are no failure. */
  readonly accept?: readonly number[];
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Fails with the last lines that the tool wrote to its standard error. */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const [command, ...args] = argv;
  const { input = '', accept = [], ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { ...rest, maxBuffer: 1 << 24 }, (cause, stdout, stderr) => {
      if (!cause || accept.includes(Number(cause.code))) return resolve({ stdout, stderr });
      reject(toolFailed(command, stderr, cause));
    });
    // A tool need not read its input; its status tells whether it minded.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** What `input` becomes on its way through a tool. Fails unless the tool says that all of it was right. */
export async function* filter(
  argv: readonly [string, ...string[]],
  input: AsyncIterable<Uint8Array>,
  accept: readonly number[] = [0],
): AsyncGenerator<Uint8Array> {
  const [command, ...args] = argv;
  // An environment of its own: variables change what such tools do.
  const child = spawn(command, args, { env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } });
  const ended = endOf(command, child, accept);
  const fed = feed(child, input);
  // It is waited for below, or does not matter any more.
  fed.catch(() => undefined);
  try {
    yield* child.stdout;
    await fed;
    const failure = await ended;
    if (failure) throw failure;
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

async function feed({ stdin }: ChildProcess, input: AsyncIterable<Uint8Array>): Promise<void> {
  if (!stdin) return;
  // A tool that takes no more has failed, and says so itself.
  const ignore = (): void => undefined;
  stdin.on('error', ignore);
  try {
    for await (const chunk of input) {
      if (stdin.destroyed) return;
      if (!stdin.write(chunk)) await drained(stdin).catch(ignore);
    }
  } finally {
    stdin.end();
  }
}

/** Until it takes more, or nothing any more. */
export async function drained(stream: Writable): Promise<void> {
  const done = new AbortController();
  const event = (name: string): Promise<unknown> => once(stream, name, { signal: done.signal });
  try {
    await Promise.race([event('drain'), event('close')]);
  } finally {
    // Listeners would gather otherwise.
    done.abort();
  }
}

export interface FollowOptions {
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Kills the tool with all that it has started, mounted or left running, and waits for their end. */
  readonly signal?: AbortSignal | undefined;
  /** Each line of its standard error. */
  readonly onLine: (line: string) => void;
}

/**
 * In namespaces of their own a tool's mounts and processes go with it, and it goes with us: however we end, nothing
 * stays. --mount-proc, since a process id is looked up in the /proc that is seen.
 */
const ALONE = [
  ...['setpriv', '--pdeathsig', 'KILL', '--'],
  ...[
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
    '--',
  ],
] as const;

/** Runs a tool that takes its time, starts others and mounts; returns what it wrote to its standard output. */
export async function follow(
  argv: readonly [string, ...string[]],
  { env, signal, onLine }: FollowOptions,
): Promise<string> {
  signal?.throwIfAborted();
  // Others than root may make no namespaces, and can mount nothing that would stay.
  const alone = process.getuid?.() === 0 ? ALONE : ALONE.slice(0, ALONE.indexOf('unshare'));
  const [command = '', ...args] = [...alone, ...argv];
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  try {
    return await outputOf(argv[0], child, onLine);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

async function outputOf(name: string, child: ChildProcess, onLine: (line: string) => void): Promise<string> {
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (data: string) => {
    stdout = (stdout + data).slice(0, 1 << 16);
  });
  if (child.stderr) createInterface({ input: child.stderr }).on('line', onLine);
  const failure = await endOf(name, child);
  if (failure) throw failure;
  return stdout;
}
