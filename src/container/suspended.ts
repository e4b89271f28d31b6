/** Containers that are suspended, are just being so, or are just coming back: where their state is, and what a kill left. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { dumpDirOf } from '../config/host-config.js';
import { CellaError } from '../errors.js';
import { findCgroup } from '../host/cgroup/index.js';
import { unlockNetwork } from '../host/criu/unlock.js';
import { umountTree } from '../host/mounts.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import {
  putBackDump,
  readHeader,
  removeDump,
  resumingOf,
  settle,
  stagingOf,
  takeDump,
} from '../state/dump.js';
import { readText } from '../state/text-file.js';
import type { Context } from './context.js';
import type { Running } from './recover.js';

/** Where a container's state is while it is suspended. */
export function dumpOf(context: Context, ctid: Ctid): string {
  return `${dumpDirectory(context)}/Dump.${ctid}`;
}

/** The same while it is on its way to another host, and when it has come from one: never where a suspended one's is. */
export function leavingOf(context: Context, ctid: Ctid): string {
  return `${dumpOf(context, ctid)}.leaving`;
}

export function comingOf(context: Context, ctid: Ctid): string {
  return `${dumpOf(context, ctid)}.coming`;
}

function dumpDirectory({ paths, hostFile }: Context): string {
  return paths.at(dumpDirOf(hostFile()));
}

export function isSuspended(context: Context, ctid: Ctid): boolean {
  return readHeader(dumpOf(context, ctid)) !== undefined;
}

/** Of all containers, by one look. */
export function suspendedOnes(context: Context): ReadonlySet<number> {
  const directory = dumpDirectory(context);
  if (!existsSync(directory)) return new Set();
  return new Set(
    readdirSync(directory).flatMap((name) => {
      const ctid = /^Dump\.(\d+)$/.exec(name)?.[1];
      return ctid === undefined ? [] : [Number(ctid)];
    }),
  );
}

/** For what would have its files be others than those that it was suspended with. */
export function expectNotSuspended(context: Context, ctid: Ctid): void {
  if (!isSuspended(context, ctid)) return;
  throw new CellaError('ALREADY_RUNNING', `container ${ctid} is suspended`, {
    hint: `Resume it first: vzctl resume ${ctid}`,
  });
}

/** Has it begin anew, which ends the state that it was suspended in. */
export async function withoutState<T>(context: Context, ctid: Ctid, begin: () => Promise<T>): Promise<T> {
  const directory = dumpOf(context, ctid);
  if (!readHeader(directory)) return begin();
  writeFileAtomic(context.paths.resuming(ctid), directory, { durable: true });
  takeDump(directory);
  const forget = (): void => rmSync(context.paths.resuming(ctid), { force: true });
  const begun = await begin().catch((error: unknown) => {
    putBackDump(directory);
    forget();
    throw error;
  });
  removeDump(resumingOf(directory));
  forget();
  return begun;
}

/**
 * Ends what a suspend has begun, whoever does: forward where all of the container is written and none of it runs any more,
 * else back. Nothing where none was begun. `running`: the container, if it is still there.
 */
export async function finishSuspend(
  { paths }: Context,
  ctid: Ctid,
  running: Running | undefined,
): Promise<boolean> {
  const directory = readText(paths.suspending(ctid));
  if (directory === undefined) return false;
  if (!running && readHeader(stagingOf(directory))) await settle(directory);
  else {
    removeDump(stagingOf(directory));
    if (running) await letGoOn(running);
  }
  rmSync(paths.suspending(ctid), { force: true });
  return true;
}

/** Whatever CRIU still held of it when it was killed. */
export async function letGoOn({ init, record }: Running): Promise<void> {
  const { cgroup, v2 } = findCgroup(record.cgroups);
  try {
    await unlockNetwork(init.pid, v2);
  } finally {
    await cgroup.thaw();
  }
}

/**
 * The same of a resume. Where nobody can tell whether its processes ran before they were gone, its state may be behind its
 * files: it is put aside.
 */
export async function finishResume(
  { paths }: Context,
  ctid: Ctid,
  running: Running | undefined,
): Promise<boolean> {
  const directory = readText(paths.resuming(ctid));
  if (directory === undefined) return false;
  const taken = resumingOf(directory);
  // CRIU mounts control groups beside its images.
  for (const dump of [directory, taken]) await umountTree(dump);
  if (running && !readHeader(taken) && readHeader(directory)) {
    // It was put back, and has not run: its state is what there is of it.
    running.init.kill('SIGKILL');
    await running.init.wait();
  } else if (running) await findCgroup(running.record.cgroups).cgroup.thaw();
  if (readHeader(taken)) {
    if (running) removeDump(taken);
    else {
      removeDump(`${directory}.fail`);
      renameSync(taken, `${directory}.fail`);
    }
  }
  rmSync(paths.resuming(ctid), { force: true });
  return true;
}
