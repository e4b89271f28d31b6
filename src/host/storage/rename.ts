/** A private area gets another name on its file system, at once. */
import { renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isErrno } from '../../errors.js';
import { syncDirectory } from '../../state/atomic-file.js';

/** Survives a power cut. */
export function renameArea(from: string, to: string): void {
  renameSync(from, to);
  for (const parent of new Set([dirname(from), dirname(to)])) syncDirectory(parent);
}

/** Whether that can be done: within a file system, and a mount of it (rename(2), EXDEV). */
export function canRename(from: string, to: string): boolean {
  const [old, next] = [dirname(from), dirname(to)];
  if (statSync(old).dev !== statSync(next).dev) return false;
  try {
    // Of nothing: it changes nothing, but mounts are compared first.
    renameSync(`${old}/.nothing`, `${next}/.nothing`);
  } catch (error) {
    return !isErrno(error, 'EXDEV');
  }
  return true;
}
