/** The last steps of a migration: from when the container does nothing here until it is the other host's. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import type { Criu } from '../host/criu/find.js';
import { PageRequests } from '../host/criu/memory.js';
import { filter } from '../host/run.js';
import { pack } from '../migrate/archive.js';
import type { Link } from '../migrate/link.js';
import { expect, LEASE_MS, SURELY_OVER_MS } from '../migrate/messages.js';
import type { Context } from './context.js';
import { LONGEST_MS } from './lazy-dump.js';
import type { MigrateOptions } from './migrate.js';
import type { Mark } from './migration.js';
import type { Running } from './recover.js';
import type { FileSender } from './send-files.js';
import { stopLocked } from './stop.js';
import { dumpWhenQuiet, type HandOver, type ServedMemory } from './suspend.js';
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
  { criu, running, lazy }: { readonly criu: Criu; readonly running: Running; readonly lazy: boolean },
): Promise<number> {
  const began = Date.now();
  let still = 0;
  mark.set('sending');
  progress?.({ step: 'still' });
  const handOver: HandOver = async ({ header, images, keep, memory }) => {
    faultPoint('migrate.dumped');
    signal?.throwIfAborted();
    await sender.round({ still: true });
    progress?.({ step: 'state' });
    await link.send({ type: 'state', header, lazy });
    await link.sendBytes(pack(archiveOf(images)));
    if (memory) serve(link, memory);
    await expect(link, ['restored']);
    faultPoint('migrate.restored');
    await keep();
    mark.set('handed');
    faultPoint('migrate.handed');
    await link.send({ type: 'go' });
    still = Date.now() - began;
    progress?.({ step: 'go' });
    await expect(link, ['runs'], SURELY_OVER_MS);
    if (memory) await untilWhole(link, mark, memory);
    mark.set('asked');
    faultPoint('migrate.asked');
    await link.send({ type: 'keep', start: false });
    await expect(link, ['kept'], KEPT_MS);
    mark.set('kept');
  };
  const directory = leavingOf(context, ctid);
  await dumpWhenQuiet(criu, running, { directory, fate: 'ends', handOver, lazy });
  // What has served its memory stands still for good.
  if (!lazy) await running.init.wait();
  return still;
}

function serve(link: Link, { socket, serve }: ServedMemory): void {
  const requests = new PageRequests();
  requests.pipe(socket, { end: false });
  link.carry(socket, requests);
  serve();
}

/** The copy runs as long as it hears of us; what it still needs of its memory it gets meanwhile. */
async function untilWhole(link: Link, mark: Mark, { socket }: ServedMemory): Promise<void> {
  const end = Date.now() + LONGEST_MS;
  const broken = once(socket, 'close').then(() => {
    throw new CellaError('MIGRATION_FAILED', 'its memory is not served any more');
  });
  broken.catch(() => undefined);
  for (;;) {
    mark.set('handed');
    faultPoint('migrate.fetching');
    await link.send({ type: 'beat' });
    const { type } = await Promise.race([expect(link, ['beat', 'whole'], LEASE_MS), broken]);
    if (type === 'whole') return;
    if (Date.now() > end) throw new CellaError('MIGRATION_FAILED', 'its memory takes too long to follow');
  }
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
function archiveOf(directory: string): AsyncIterable<Uint8Array> {
  const names = readdirSync(directory).filter((name) => name.endsWith('.img'));
  return filter(
    ['tar', '--create', '--file=-', '--format=posix', `--directory=${directory}`, '--', ...names],
    none(),
  );
}

async function* none(): AsyncGenerator<Uint8Array> {}
