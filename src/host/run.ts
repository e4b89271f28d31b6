/** Runs tools of the host: always an argument list, never a shell's command line. */
import { type ExecFileException, execFile } from 'node:child_process';
import { CellaError } from '../errors.js';

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

const LAST_LINES = 3;

/** Fails with the last lines that the tool wrote to its standard error. */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const [command, ...args] = argv;
  const { input = '', accept = [], ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { ...rest, maxBuffer: 1 << 24 }, (cause, stdout, stderr) => {
      if (!cause || accept.includes(Number(cause.code))) return resolve({ stdout, stderr });
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
