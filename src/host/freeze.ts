/** A container that stands still for a while, and goes on whatever becomes of us. */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Cgroup } from './cgroup/index.js';

/** A line: it has nothing to do. The end of its input: removes what does not hold any more, and thaws. */
const THAW =
  'if read -r _; then exit; fi; file=$1 value=$2; shift 2; rm -f "$@"; printf %s "$value" > "$file"';

export interface Thawer {
  /** What it waits for the end of: it comes when nobody has this open any more. */
  readonly input: Writable;
  /** Settles when it has done that. */
  readonly gone: Promise<void>;
}

/** A process that thaws the container when we say so, or are gone. `stale`: files that hold only while it stands still. */
export async function startThawer({ thaws }: Cgroup, ...stale: readonly string[]): Promise<Thawer> {
  // In a session of its own: a Ctrl-C at our terminal is not for it.
  const child = spawn('sh', ['-c', THAW, 'sh', thaws.file, thaws.value, ...stale], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => child.on('spawn', resolve).on('error', reject));
  child.stdin.on('error', () => undefined);
  return { input: child.stdin, gone };
}

export async function withFrozen<T>(cgroup: Cgroup, work: () => Promise<T>): Promise<T> {
  const thawer = await startThawer(cgroup);
  try {
    await cgroup.freeze();
    return await work();
  } finally {
    thawer.input.end();
    await thawer.gone;
    await cgroup.thaw();
  }
}
