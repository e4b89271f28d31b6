/** Where the processes of snapshots are kept: in the private area, beside the container's files and outside its limit. */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { native } from '../../native/binding.js';
import { copyTree } from './directory.js';

export const STATES = 'dump';

/** Of a snapshot: as a dump is. */
export function stateOf(privateArea: string, uuid: string): string {
  return `${privateArea}/${STATES}/${uuid}`;
}

export function makeStates(privateArea: string): void {
  const path = `${privateArea}/${STATES}`;
  if (existsSync(path)) return;
  // Neither a snapshot of the area nor its limit goes further than its subvolume.
  if (native().isBtrfs(privateArea)) native().createSubvolume(privateArea, STATES);
  else mkdirSync(path, { mode: 0o700 });
  if (native().hasProjectQuota(privateArea)) native().setProject(path, 0);
}

/** Takes away what is not of a snapshot in `kept`. */
export async function sweepStates(privateArea: string, kept: ReadonlySet<string>): Promise<void> {
  const path = `${privateArea}/${STATES}`;
  if (!existsSync(path)) return;
  for (const name of readdirSync(path))
    if (!kept.has(name)) await rm(`${path}/${name}`, { recursive: true, force: true });
  // Of a subvolume too.
  if (kept.size === 0) rmdirSync(path);
}

/** Into an area that has none. */
export async function copyStates(from: string, to: string): Promise<void> {
  if (!existsSync(`${from}/${STATES}`)) return;
  makeStates(to);
  await copyTree(`${from}/${STATES}`, `${to}/${STATES}`);
}
