/** What a tree of files takes of its disk, counted file by file. */
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { isErrno } from '../errors.js';
import type { DiskUsage } from './disk-usage.js';

/** Of one file system; what goes meanwhile is not counted. */
export async function blocksBelow(path: string, signal?: AbortSignal): Promise<DiskUsage> {
  const top = look(path);
  const seen = new Set<bigint>();
  let [bytes, files] = [0n, 0n];
  const left = top ? [path] : [];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const stats = look(at);
    if (!stats || stats.dev !== top?.dev) continue;
    // A file with several names is there once.
    if (stats.nlink > 1n && !stats.isDirectory()) {
      if (seen.has(stats.ino)) continue;
      seen.add(stats.ino);
    }
    bytes += stats.blocks * 512n;
    files += 1n;
    if (!stats.isDirectory()) continue;
    for (const name of namesIn(at)) left.push(`${at}/${name}`);
    // Others may want to do something in between.
    await setImmediate();
    signal?.throwIfAborted();
  }
  return { bytes, files };
}

function look(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
