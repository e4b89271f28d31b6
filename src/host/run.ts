/** Runs tools of the host: always an argument list, never a shell's command line. */
import { type ChildProcess, type ExecFileException, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { CellaError } from '../errors.js';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment; that of this process when absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Standard input; empty when absent. */
  readonly input?: string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

const LAST_LINES = 3;

/** Fails with the last lines that the tool wrote to its standard error. */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const [command, ...args] = argv;
  const { input = '', ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { ...rest, maxBuffer: 1 << 24 }, (cause, stdout, stderr) => {
      if (!cause) return resolve({ stdout, stderr });
      const said = stderr.trim().split('\n').slice(-LAST_LINES).join('; ') || reasonOf(cause);
      reject(new CellaError('SYSTEM', `${command} failed: ${said}`, { cause }));
    });
    // A tool need not read its input; its status tells whether it minded.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function reasonOf(cause: ExecFileException): string {
  if (cause.signal) return `ended by ${cause.signal}`;
  if (typeof cause.code === 'number') return `exit status ${cause.code}`;
  return String(cause.code) === 'ENOENT' ? 'no such command or working directory' : cause.message;
}

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

/** undefined: it ended well. */
function endOf(name: string, child: ChildProcess): Promise<CellaError | undefined> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  return new Promise((resolve) => {
    child.on('error', (cause) => resolve(new CellaError('SYSTEM', `${name} cannot be run`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(undefined);
      const lines = said.trim().split('\n').slice(-LAST_LINES).join('; ');
      const why = lines || (signal ? `ended by ${signal}` : `exit status ${code}`);
      resolve(new CellaError('SYSTEM', `${name} failed: ${why}`));
    });
  });
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
