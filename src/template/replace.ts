/** A directory takes the place of another. */
import { existsSync, renameSync } from 'node:fs';
import { native } from '../native/binding.js';
import type { Undo } from '../undo.js';

const OLDER = '.old';

/**
 * `staging` becomes `target`; what was there before is beside it then, under a name that begins with that of `staging`.
 * Never is there neither, where the file system can exchange names; else a kill between two renames leaves the older
 * one for `putBack`.
 */
export function replaceDirectory(
  target: string,
  staging: string,
  undo: Undo,
  exchange = native().exchange,
): void {
  if (existsSync(target)) {
    if (exchange(staging, target)) return;
    const older = staging + OLDER;
    renameSync(target, older);
    undo.push('set old template aside', () => renameSync(older, target));
  }
  renameSync(staging, target);
}

/** What a killed `replaceDirectory` left: of these, the older one gets its name again where nothing else has it. */
export function putBack(target: string, left: readonly string[]): void {
  const older = left.find((path) => path.endsWith(OLDER));
  if (older !== undefined && !existsSync(target)) renameSync(older, target);
}
