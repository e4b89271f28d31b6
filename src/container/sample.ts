/** A sample configuration of an equal part of this host. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsePlainName } from '../config/values.js';
import { CellaError } from '../errors.js';
import { diskRoom, hostResources } from '../host/resources.js';
import { splitHost, splitText } from '../plan/capacity/split.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import type { Context } from './context.js';
import { areasOf } from './room.js';

export interface SplitOptions {
  /** Bytes of swap for all of them together; default: what the host has. */
  readonly swap?: bigint | undefined;
}

/** The text of a sample with which so many containers fit on this host. */
export function splitSample(context: Context, count: number, { swap }: SplitOptions = {}): string {
  const host = hostResources();
  const disk = diskRoom(areasOf(context));
  const split = splitHost(
    {
      memory: host.memory.total,
      swap: swap ?? host.swap.total,
      tasks: host.tasks.limit,
      disk: disk.bytes.free,
      inodes: disk.files?.free ?? null,
    },
    count,
  );
  return splitText(split, count);
}

/** Puts it where `create --config NAME` finds it; returns its path. Throws BAD_VALUE where there is one already. */
export function writeSample(context: Context, name: string, text: string): string {
  const path = context.paths.sample(parsePlainName(name));
  if (existsSync(path)) throw new CellaError('BAD_VALUE', `'${path}' exists already`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, text, { durable: true });
  return path;
}
