/** A container that stands still for a while, and goes on whatever becomes of us. */
import { spawn } from 'node:child_process';
import type { Cgroup } from './cgroup/index.js';

/** Thaws when its standard input ends: when we say so, or are gone. */
const THAW = 'read -r _; printf %s "$2" > "$1"';

export async function withFrozen<T>(cgroup: Cgroup, work: () => Promise<T>): Promise<T> {
  const { file, value } = cgroup.thaws;
  // In a session of its own: a Ctrl-C at our terminal is not for it.
  const keeper = spawn('sh', ['-c', THAW, 'sh', file, value], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const gone = new Promise<void>((resolve) => keeper.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => keeper.on('spawn', resolve).on('error', reject));
  try {
    await cgroup.freeze();
    return await work();
  } finally {
    keeper.stdin.end();
    await gone;
    await cgroup.thaw();
  }
}
