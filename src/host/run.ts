/** Runs tools of the host: always an argument list, never a shell's command line. */
import { execFile } from 'node:child_process';
import { CellaError } from '../errors.js';

export interface RunOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

const LAST_LINES = 3;

/** Fails with the last lines that the tool wrote to its standard error. */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const [command, ...args] = argv;
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, maxBuffer: 1 << 24 }, (cause, stdout, stderr) => {
      if (!cause) return resolve({ stdout, stderr });
      const said = stderr.trim().split('\n').slice(-LAST_LINES).join('; ');
      reject(new CellaError('SYSTEM', `${command} failed${said ? `: ${said}` : ''}`, { cause }));
    });
  });
}
