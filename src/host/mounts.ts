/** The host's mount table, and letting go of what we mounted. */
import { readFileSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError, isErrno } from '../errors.js';
import { native } from '../native/binding.js';

export interface MountEntry {
  readonly target: string;
  readonly type: string;
  /** As the file system says it: a device, where it has one. */
  readonly source: string;
  /** Options of the file system (the last field of mountinfo). */
  readonly options: readonly string[];
}

/** proc_pid_mountinfo(5), in mount order. */
export function readMounts(): readonly MountEntry[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
}

export function parseMounts(text: string): readonly MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [type = '', source = '', options = ''] = after.split(' ');
      const target = decodePath(before.split(' ')[4] ?? '');
      return { target, type, source: decodePath(source), options: options.split(',') };
    });
}

/** Blanks and backslashes are octal there. */
function decodePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function isMounted(target: string): boolean {
  const device = native().mountDevice(target);
  return device === null ? readMounts().some((mount) => mount.target === target) : device !== '';
}

const [ATTEMPTS, PAUSE_MS] = [50, 20];

/**
 * Unmounts everything at `target`, topmost first; nothing there is fine. Whoever looks at all mounts of the host, as df
 * does, holds each for a moment: that is waited out.
 */
export async function umountAll(target: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await native().umount(target);
    } catch (cause) {
      if (attempt === ATTEMPTS || !isErrno(cause, 'EBUSY'))
        throw new CellaError('UMOUNT_FAILED', `cannot unmount '${target}'`, { cause });
    }
    await sleep(PAUSE_MS);
  }
}

/** The same with all that is mounted below it, as action scripts do. */
export async function umountTree(target: string): Promise<void> {
  const below = readMounts().filter((mount) => mount.target.startsWith(`${target}/`));
  for (const mount of below.reverse()) await umountAll(mount.target);
  await umountAll(target);
}

/** Takes a mount point away that nothing is in any more. */
export function removeMountPoint(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTEMPTY')) throw error;
  }
}
