/** Whether the host is on its way down. */
import { existsSync } from 'node:fs';
import { run } from './run.js';

/** Of a host that systemd runs; where something else does, that has to say so itself. */
export async function hostGoesDown(): Promise<boolean> {
  if (!existsSync('/run/systemd/system')) return false;
  // Every state but "running" is a failure to systemctl(1).
  const { stdout } = await run(['systemctl', 'is-system-running'], { accept: [1, 2, 3, 4] });
  return stdout.trim() === 'stopping';
}
