/** move to another id: a stopped container keeps its files, snapshots, user ids and name. */
import { renameSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { canRename } from '../host/storage/rename.js';
import { syncDirectory, writeFileAtomic } from '../state/atomic-file.js';
import { removeConsoleLog } from '../state/console-log.js';
import { readText } from '../state/text-file.js';
import { prepareParent } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { expectFree } from './create.js';
import { expectNoArea, lockAllocation } from './make.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';
import { finishRenamed, type Ids } from './renumbered.js';
import { expectNoViews } from './snapshot-mount.js';
import { expectNotSuspended } from './suspended.js';

/** It has the one id or the other from the rename of its config on. */
export async function renumber(context: Context, { from, to }: Ids, signal?: AbortSignal): Promise<void> {
  if (from === to) throw new CellaError('PRIVATE_EXISTS', `container ${to} exists already`);
  // In order of their ids, so that no two verbs wait for each other.
  using _first = await lockContainer(context, Math.min(from, to) as Ctid, 'move', signal);
  using _second = await lockContainer(context, Math.max(from, to) as Ctid, 'move', signal);
  await recover(context, from);
  await recover(context, to);
  expectFree(context, to);
  const config = loadConfig(context, from);
  expectStopped(context, from);
  expectNotSuspended(context, from);
  expectUnmounted(config);
  expectNoViews(context, from);
  // Whoever looks for ids in use reads one config after the other: none may get another name meanwhile.
  using _ids = await lockAllocation(context, 'move', signal);
  const text = readText(context.paths.config(from)) ?? '';
  expectPlace(config, context.readContainer(to, text, context.paths.config(to)));
  // What the one id showed is not to be read under it when it is another's.
  removeConsoleLog(context.paths.consoleLog(from));
  for (const ctid of [from, to])
    writeFileAtomic(context.paths.renaming(ctid), `${from} ${to}\n`, { durable: true });
  faultPoint('move.begun');
  renameSync(context.paths.config(from), context.paths.config(to));
  syncDirectory(context.paths.configDir);
  faultPoint('move.decided');
  finishRenamed(context, { from, to });
}

/** One that has a private area for itself alone keeps it as it is. */
function expectPlace(before: ContainerConfig, after: ContainerConfig): void {
  if (before.privateArea === after.privateArea) return;
  expectNoArea(after);
  prepareParent(after);
  if (canRename(before.privateArea, after.privateArea)) return;
  throw new CellaError(
    'BAD_VALUE',
    `'${after.privateArea}' is on another file system than '${before.privateArea}'`,
    { hint: `Move its files first: cella move ${before.ctid} --private DIRECTORY` },
  );
}
