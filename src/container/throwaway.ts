/**
 * Containers that are gone with the one command that they were made for.
 *
 * A mark beside the config says that one is such, a lock that somebody still runs it. Where there is the mark and
 * nobody has the lock, the runtime was killed, and whoever comes next discards what is left.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { type Ctid, LAST_RESERVED_CTID, MAX_CTID, parseCtid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { removeMountPoint } from '../host/mounts.js';
import { removeArea } from '../host/storage/index.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { commandLock, isFree, type Lock, takeFreeLock, takeLock } from '../state/lock.js';
import { readText } from '../state/text-file.js';
import { forgetTraffic } from '../state/traffic.js';
import { condemnedArea, stagingArea } from './area.js';
import { type Context, lockDirectory } from './context.js';
import { unlinkName } from './names.js';

/** Far above what administrators number by hand. */
const FIRST = 1_000_000;

/** Before there is anything of the container; with its lock held. */
export function markThrowaway(context: Context, ctid: Ctid): void {
  writeFileAtomic(context.paths.throwaway(ctid), '', { durable: true });
}

/** It is an ordinary container from now on. */
export function unmark(context: Context, ctid: Ctid): void {
  rmSync(context.paths.throwaway(ctid), { force: true });
}

/** Takes away all of a marked container that does not run, in whatever state it is; the mark goes last. */
export async function discard(context: Context, ctid: Ctid): Promise<void> {
  const { paths } = context;
  for (const path of [paths.config(ctid), paths.creating(ctid)]) {
    const text = readText(path);
    if (text === undefined) continue;
    const { privateArea, root, name } = context.readContainer(ctid, text, path);
    for (const area of [privateArea, stagingArea(privateArea), condemnedArea(privateArea)])
      await removeArea(area);
    faultPoint('run.removed');
    removeMountPoint(root);
    if (name !== undefined) unlinkName(context, ctid, name);
    forgetTraffic(paths.traffic(ctid));
    rmSync(path, { force: true });
  }
  unmark(context, ctid);
}

export interface Reserved {
  readonly ctid: Ctid;
  readonly lock: Lock;
}

/** An id for a command, and the lock that says that somebody runs it. `wanted`: that one or none. */
export async function reserve(
  context: Context,
  wanted: Ctid | undefined,
  signal: AbortSignal | undefined,
): Promise<Reserved> {
  const directory = lockDirectory(context);
  const request = (ctid: Ctid) => ({ directory, name: commandLock(ctid), verb: 'run', signal });
  if (wanted !== undefined) return { ctid: wanted, lock: await takeLock(request(wanted)) };
  const taken = new Set(idsIn(context.paths.configDir, /^\.?(\d+)\.conf(?:\.[a-z]+)?$/));
  for (let id = FIRST; id <= MAX_CTID; id += 1) {
    if (taken.has(id)) continue;
    const ctid = parseCtid(String(id));
    const lock = takeFreeLock(request(ctid));
    if (!lock) continue;
    // Somebody may have been through with it since we looked.
    if (!existsSync(context.paths.config(ctid))) return { ctid, lock };
    lock.release();
  }
  throw new CellaError('NO_RESOURCES', `there is no free container id from ${FIRST} on`);
}

/** Ids of commands that nobody runs any more, whose runtime was killed. */
export function abandoned(context: Context): readonly Ctid[] {
  const directory = lockDirectory(context);
  const ids = new Set([
    ...idsIn(context.paths.configDir, /^\.(\d+)\.conf\.throwaway$/),
    ...idsIn(directory, /^(\d+)\.run\.lck$/),
  ]);
  return [...ids]
    .filter((id) => id > LAST_RESERVED_CTID && isFree(directory, commandLock(id)))
    .map((id) => parseCtid(String(id)));
}

function idsIn(directory: string, pattern: RegExp): readonly number[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => Number(pattern.exec(name)?.[1] ?? []));
}
