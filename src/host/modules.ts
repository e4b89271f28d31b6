/** Modules of the host's kernel. */
import { existsSync } from 'node:fs';
import { run } from './run.js';

/** Whether one was asked for by name is no sign that it is there: kernels have parts built in. */
export async function loadModule(name: string): Promise<void> {
  if (existsSync(`/sys/module/${name}`)) return;
  // What needs it says so when it is missing.
  await run(['modprobe', '--quiet', '--use-blacklist', name]).catch(() => undefined);
}
