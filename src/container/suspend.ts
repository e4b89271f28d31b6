/**
 * suspend: a running container becomes files, and runs no more. Until all of it is written it can go on, and does so
 * whatever fails; from then on it stands still until it is gone. So a dump that is whole is never behind its container.
 */
import { closeSync, openSync } from 'node:fs';
import { release as kernelRelease } from 'node:os';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { saveGroups } from '../host/cgroup/tree.js';
import { callCriu } from '../host/criu/call.js';
import { type Criu, findCriu } from '../host/criu/find.js';
import { makeTimersRelative } from '../host/criu/timers.js';
import { viewMounts } from '../host/lxcfs.js';
import { DEVICE_MOUNTS, dumpOptions, viewMount } from '../plan/checkpoint/criu-options.js';
import { formatVersion } from '../plan/checkpoint/criu-version.js';
import { VIEWED } from '../plan/view.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { imagesOf, makeStaging, writeHeader } from '../state/dump.js';
import { type Context, lockContainer } from './context.js';
import { findRunning, type Running, recover, takeAway } from './recover.js';
import { whyNotCheckpointable } from './start.js';
import { dumpOf, finishSuspend, groupsOf } from './suspended.js';

export interface SuspendOptions {
  /** Where its state goes: a directory. Default: `Dump.CTID` in DUMPDIR, from where `resume` takes it. */
  readonly dump?: string;
  readonly signal?: AbortSignal;
}

export async function suspend(context: Context, ctid: Ctid, options: SuspendOptions = {}): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'suspend', options.signal);
  await recover(context, ctid);
  const running = findRunning(context, ctid);
  using init = running?.init;
  if (!running || !init) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  expectCheckpointable(context, ctid);
  const criu = await findCriu();
  options.signal?.throwIfAborted();
  const directory = options.dump ?? dumpOf(context, ctid);
  // Whoever comes next after a kill has to know where it is.
  writeFileAtomic(context.paths.suspending(ctid), directory, { durable: false });
  try {
    await dump(criu, running, directory);
  } catch (error) {
    await finishSuspend(context, ctid, running);
    throw explain(ctid, error);
  }
  await init.wait();
  faultPoint('suspend.killed');
  await finishSuspend(context, ctid, undefined);
  faultPoint('suspend.settled');
  const swept = await takeAway(context, ctid);
  context.report({ type: 'unmounted', ctid });
  if (swept?.failure) throw swept.failure;
}

function expectCheckpointable(context: Context, ctid: Ctid): void {
  const [why] = whyNotCheckpointable(context, ctid);
  if (why === undefined) return;
  throw new CellaError('SUSPEND_FAILED', `container ${ctid} cannot be suspended: ${why}`);
}

async function dump(criu: Criu, { init, record }: Running, directory: string): Promise<void> {
  const staging = makeStaging(directory);
  const { v2, cgroup } = groupsOf(record);
  const views = viewsOf(init.pid);
  const images = openSync(imagesOf(staging), 'r');
  try {
    await callCriu({
      program: criu.program,
      request: 'dump',
      timeOf: init.pid,
      log: `${imagesOf(staging)}/dump.log`,
      options: dumpOptions({
        images,
        init: init.pid,
        mounts: [...DEVICE_MOUNTS, ...views.map((name) => viewMount(name, ''))],
        cgroup: v2,
      }),
      hooks: {
        // All stand still by now.
        'network-lock': () => makeTimersRelative(record.cgroups[0] ?? ''),
        'post-dump': async () => {
          faultPoint('suspend.dumped');
          await cgroup.freeze();
          faultPoint('suspend.frozen');
          writeHeader(staging, {
            version: 1,
            ctid: record.ctid,
            at: new Date().toISOString(),
            arch: process.arch,
            kernel: kernelRelease(),
            criu: formatVersion(criu.version),
            record,
            groups: v2 === null ? [] : saveGroups(v2),
            views,
          });
          faultPoint('suspend.written');
        },
      },
    });
  } finally {
    closeSync(images);
  }
}

function explain(ctid: Ctid, error: unknown): unknown {
  if (!(error instanceof CellaError)) return error;
  return new CellaError(
    'SUSPEND_FAILED',
    `container ${ctid} goes on, it cannot be suspended: ${error.message}`,
    {
      cause: error,
    },
  );
}

/** Files of lxcfs in the container, as VIEWED names them. */
function viewsOf(init: number): readonly string[] {
  const present = viewMounts(init).map(({ target }) => target);
  return VIEWED.filter((name) => present.includes(`/${name}`));
}
