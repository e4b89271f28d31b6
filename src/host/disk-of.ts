/** Which disk holds a path. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isErrno } from '../errors.js';
import { readMounts } from './mounts.js';

/**
 * MAJOR:MINOR of the whole disk, which is what the kernel limits; undefined for what is on none, as a tmpfs or a
 * remote directory.
 */
export function diskOf(path: string): string | undefined {
  const { dev } = statSync(path);
  const number = isAnonymous(dev) ? sourceOf(path) : dev;
  return number === undefined ? undefined : wholeDisk(`${major(number)}:${minor(number)}`);
}

/** File systems without a device, and btrfs, have numbers of major 0. */
function isAnonymous(device: number): boolean {
  return major(device) === 0;
}

/** Of the file system that is mounted deepest above the path. */
function sourceOf(path: string): number | undefined {
  const real = realpathSync(path);
  const mount = readMounts()
    .filter(({ target }) => target === '/' || real === target || real.startsWith(`${target}/`))
    .toSorted((a, b) => b.target.length - a.target.length)[0];
  if (!mount?.source.startsWith('/dev/')) return undefined;
  try {
    return statSync(mount.source).rdev;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A partition lies in its disk's directory in sysfs. */
function wholeDisk(number: string): string | undefined {
  const at = `/sys/dev/block/${number}`;
  try {
    const directory = realpathSync(at);
    const isPartition = statSync(`${directory}/partition`, { throwIfNoEntry: false }) !== undefined;
    return readFileSync(`${directory}${isPartition ? '/..' : ''}/dev`, 'utf8').trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** makedev(3) */
function major(device: number): number {
  return Number((BigInt(device) >> 8n) & 0xfffn);
}

function minor(device: number): number {
  return Number((BigInt(device) & 0xffn) | ((BigInt(device) >> 12n) & 0xfff00n));
}
