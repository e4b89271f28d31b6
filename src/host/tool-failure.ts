/** Why a tool failed: what it said last, else how it ended. */
import type { ChildProcess } from 'node:child_process';
import { CellaError } from '../errors.js';

/** As Node tells of processes and, in errors, of those that never were. */
export interface ToolEnd {
  readonly code?: number | string | null | undefined;
  readonly signal?: string | null | undefined;
  readonly message?: string;
}

const LAST_LINES = 3;
const LONGEST = 4096;

export function toolFailed(name: string, said: string, end: ToolEnd): CellaError {
  const why = lastOf(said.split('\n')).join('; ') || howItEnded(end);
  return new CellaError('SYSTEM', `${name} failed: ${why}`, end instanceof Error ? { cause: end } : {});
}

/** Waits until a tool has ended and nobody holds its output any more; undefined: it ended well. */
export function endOf(
  name: string,
  child: ChildProcess,
  accept: readonly number[] = [0],
): Promise<CellaError | undefined> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (said + text).split('\n');
    const unfinished = lines.pop() ?? '';
    said = [...lastOf(lines), unfinished.slice(-LONGEST)].join('\n');
  });
  return new Promise((resolve) => {
    child.on('error', (cause) => resolve(new CellaError('SYSTEM', `${name} cannot be run`, { cause })));
    child.on('close', (code, signal) =>
      resolve(accept.includes(code ?? -1) ? undefined : toolFailed(name, said, { code, signal })),
    );
  });
}

/** Lines `I: …`, as Debian's tools write them, are about what went well. */
function lastOf(lines: readonly string[]): readonly string[] {
  return lines
    .map((line) => line.trim().slice(-LONGEST))
    .filter((line) => line !== '' && !line.startsWith('I: '))
    .slice(-LAST_LINES);
}

function howItEnded({ code, signal, message }: ToolEnd): string {
  if (signal) return `ended by ${signal}`;
  if (typeof code === 'number') return `exit status ${code}`;
  return code === 'ENOENT' ? 'no such command or working directory' : (message ?? 'for no known reason');
}
