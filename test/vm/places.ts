/** Where the lane keeps things. */
import { mkdirSync, statfsSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Problem } from './problem.js';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
export const RECIPE = `${REPOSITORY}test/vm/image`;

/** Images, and the state of a guest that is kept. */
export function cacheDirectory(): string {
  const { CELLA_VM_CACHE, XDG_CACHE_HOME } = process.env;
  const directory = CELLA_VM_CACHE ?? `${XDG_CACHE_HOME ?? `${homedir()}/.cache`}/cella-vm`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

const GIB = 2 ** 30;

export function requireSpace(directory: string, gib: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  if (free >= gib * GIB) return;
  throw new Problem(
    `not enough disk space in '${directory}': ${gib} GiB are needed, ${(free / GIB).toFixed(1)} are free`,
  );
}
