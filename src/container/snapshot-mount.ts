/** snapshot-mount and snapshot-umount: what a snapshot holds, to be read by the host. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { mountRoot } from '../host/launcher.js';
import { isMounted, umountAll } from '../host/mounts.js';
import { planView } from '../plan/plan-root.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readSnapshots } from '../state/snapshots.js';
import { contentsOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { recover } from './recover.js';
import { formatUuid, requireSnapshot, viewOf } from './snapshot-edit.js';

/** Read-only, without devices and setuid programs, with the ids that the container sees; running or not. */
export async function mountSnapshot(
  context: Context,
  ctid: Ctid,
  id: string,
  { target: wanted, signal }: { readonly target: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'snapshot-mount', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const found = requireSnapshot(ctid, readSnapshots(config.privateArea), id, 'SNAPSHOT_MOUNT_FAILED');
  const target = resolve(wanted);
  const refuse = (why: string): CellaError => new CellaError('SNAPSHOT_MOUNT_FAILED', why);
  const view = viewOf(context, ctid, found.uuid);
  if (view !== undefined) throw refuse(`snapshot ${formatUuid(found.uuid)} is mounted already, at '${view}'`);
  if (!statSync(target, { throwIfNoEntry: false })?.isDirectory())
    throw refuse(`'${target}' is not a directory`);
  if (isMounted(target)) throw refuse(`something is mounted at '${target}'`);
  const path = context.paths.view(ctid, found.uuid);
  writeFileAtomic(path, target, { durable: true });
  try {
    await mountRoot(planView(config, contentsOf(context, config, found.chain), target));
  } catch (cause) {
    rmSync(path, { force: true });
    throw new CellaError('SNAPSHOT_MOUNT_FAILED', cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  }
}

export async function umountSnapshot(
  context: Context,
  ctid: Ctid,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'snapshot-umount', signal);
  const { privateArea } = loadConfig(context, ctid);
  const { uuid } = requireSnapshot(ctid, readSnapshots(privateArea), id, 'SNAPSHOT_UMOUNT_FAILED');
  const view = viewOf(context, ctid, uuid);
  if (view === undefined)
    throw new CellaError('SNAPSHOT_UMOUNT_FAILED', `snapshot ${formatUuid(uuid)} is not mounted`);
  try {
    await umountAll(view);
  } catch (cause) {
    throw new CellaError('SNAPSHOT_UMOUNT_FAILED', `cannot unmount '${view}'`, { cause });
  }
  rmSync(context.paths.view(ctid, uuid), { force: true });
}

/** For what cannot be done while any snapshot is looked at. */
export function expectNoViews(context: Context, ctid: Ctid): void {
  for (const name of readdirSync(context.paths.runDir)) {
    const uuid = new RegExp(`^${ctid}\\.([0-9a-f-]{36})\\.view$`).exec(name)?.[1];
    const view = uuid === undefined ? undefined : viewOf(context, ctid, uuid);
    if (uuid === undefined) continue;
    if (view === undefined) rmSync(context.paths.view(ctid, uuid), { force: true });
    else
      throw new CellaError('ALREADY_MOUNTED', `a snapshot of container ${ctid} is mounted at '${view}'`, {
        hint: `Unmount it first: vzctl snapshot-umount ${ctid} --id ${uuid}`,
      });
  }
}
