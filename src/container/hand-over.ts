/** The last steps of a migration: from when the container does nothing here until it is the other host's. */
import { readdirSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import type { Criu } from '../host/criu/find.js';
import { filter } from '../host/run.js';
import { pack } from '../migrate/archive.js';
import type { Link } from '../migrate/link.js';
import { expect, SURELY_OVER_MS } from '../migrate/messages.js';
import type { Context } from './context.js';
import type { MigrateOptions } from './migrate.js';
import type { Mark } from './migration.js';
import type { Running } from './recover.js';
import type { FileSender } from './send-files.js';
import { stopLocked } from './stop.js';
import { dumpWhenQuiet, type HandOver } from './suspend.js';
import { leavingOf } from './suspended.js';

interface Move {
  readonly context: Context;
  readonly ctid: Ctid;
  readonly link: Link;
  readonly sender: FileSender;
  readonly options: MigrateOptions;
}

/** All of it has to be on the disk there. */
const KEPT_MS = 120_000;

/** With its processes; returns how long none of them ran, ms. */
export async function handOver(
  { context, ctid, link, sender, options: { signal, progress } }: Move,
  mark: Mark,
  { criu, running }: { readonly criu: Criu; readonly running: Running },
): Promise<number> {
  const began = Date.now();
  let still = 0;
  mark.set('sending');
  progress?.({ step: 'still' });
  const handOver: HandOver = async ({ header, images, keep }) => {
    faultPoint('migrate.dumped');
    signal?.throwIfAborted();
    await sender.round({ still: true });
    progress?.({ step: 'state' });
    await link.send({ type: 'state', header });
    await link.sendBytes(pack(archiveOf(images)));
    await expect(link, ['restored']);
    faultPoint('migrate.restored');
    await keep();
    mark.set('handed');
    faultPoint('migrate.handed');
    await link.send({ type: 'go' });
    still = Date.now() - began;
    progress?.({ step: 'go' });
    await expect(link, ['runs'], SURELY_OVER_MS);
    mark.set('asked');
    faultPoint('migrate.asked');
    await link.send({ type: 'keep', start: false });
    await expect(link, ['kept'], KEPT_MS);
    mark.set('kept');
  };
  const directory = leavingOf(context, ctid);
  await dumpWhenQuiet(criu, running, { directory, fate: 'ends', handOver });
  await running.init.wait();
  return still;
}

/** Without them: one that runs is stopped, and started there. */
export async function moveStopped(
  { context, ctid, link, sender, options: { signal, progress } }: Move,
  mark: Mark,
  stopped: { it: boolean },
): Promise<void> {
  progress?.({ step: 'still' });
  const { wasRunning } = await stopLocked(context, ctid, { ...(signal ? { signal } : {}) });
  stopped.it = wasRunning;
  mark.set('sending');
  await sender.round({ still: true, signal });
  signal?.throwIfAborted();
  mark.set('asked');
  faultPoint('migrate.asked');
  await link.send({ type: 'keep', start: wasRunning });
  await expect(link, ['kept'], KEPT_MS);
  mark.set('kept');
}

/** The images, and no logs. */
export function archiveOf(directory: string): AsyncIterable<Uint8Array> {
  const names = readdirSync(directory).filter((name) => name.endsWith('.img'));
  return filter(
    ['tar', '--create', '--file=-', '--format=posix', `--directory=${directory}`, '--', ...names],
    none(),
  );
}

async function* none(): AsyncGenerator<Uint8Array> {}
