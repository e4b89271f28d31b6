/**
 * Long work in tools of the host: pipelines that end with this process, and a mount namespace of their own.
 *
 * Argument lists only, as in run.ts; what differs is that none of it outlives a `kill -9` of this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { CellaError } from '../errors.js';
import { endOf } from './tool-failure.js';

type Argv = readonly [string, ...string[]];

export interface JobOptions {
  /** Ends all of it; the promise settles once none of it runs any more. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what the last one writes; else that is kept for the result. */
  readonly onOutput?: (text: string) => void;
}

/** Ends a tool with this process, however that ends (prctl(2), PR_SET_PDEATHSIG). */
const TIED = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
/** Tools of the administrator's lie there. */
const PATH = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
const MAX_OUTPUT = 1 << 20;

/** Runs long work: a pipeline of tools that ends with this process. Returns what the last one says. */
export async function runJob(pipeline: readonly Argv[], options: JobOptions = {}): Promise<string> {
  options.signal?.throwIfAborted();
  const children: ChildProcess[] = [];
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(0, MAX_OUTPUT);
  };
  const endings = pipeline.map((argv, i) => {
    const before = children[i - 1]?.stdout ?? 'ignore';
    const child = spawn(TIED[0], [...TIED.slice(1), ...argv], {
      stdio: [before, 'pipe', 'pipe'],
      env: { ...process.env, PATH, LC_ALL: 'C' },
    });
    children.push(child);
    return endOf(argv[0], child);
  });
  // Each has its end of the pipe by now; ours would hide from one that the next has gone.
  for (const child of children.slice(0, -1)) child.stdout?.destroy();
  children
    .at(-1)
    ?.stdout?.setEncoding('utf8')
    .on('data', options.onOutput ?? keep);
  const abort = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  const failures = (await Promise.all(endings)).filter((failure) => failure !== undefined);
  options.signal?.removeEventListener('abort', abort);
  options.signal?.throwIfAborted();
  // The last of a pipeline knows why: those before it only see that nobody reads any more.
  const failure = failures.at(-1);
  if (failure) throw failure;
  return output;
}

export interface Held extends Disposable {
  readonly pid: number;
}

/**
 * A mount namespace that nothing else sees, for as long as this process lives or until it is let go of: a `cat` that
 * nobody ever writes to is in it.
 */
export async function holdMountNamespace(): Promise<Held> {
  const child = spawn('unshare', ['--mount', '--propagation', 'private', 'cat'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH },
  });
  const ended = endOf('unshare', child);
  // Its answer says that it is there.
  const answered = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.on('error', () => undefined);
  child.stdin.write('.');
  const failure = await Promise.race([ended, answered]);
  const { pid } = child;
  if (failure || pid === undefined) throw failure ?? new CellaError('SYSTEM', 'unshare cannot be run');
  return { pid, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** Whether a tool is there to be run. */
export function hasTool(name: string): boolean {
  return PATH.split(':').some((directory) => {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK);
      return true;
    } catch {
      // Not in this one.
      return false;
    }
  });
}
