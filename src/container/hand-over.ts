/** The last steps of a migration: from when the container does nothing here until it is the other host's. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import type { Criu } from '../host/criu/find.js';
import { PageRequests } from '../host/criu/memory.js';
import { remapsOf } from '../host/criu/programs.js';
import { ImagePacker } from '../migrate/images.js';
import type { Link } from '../migrate/link.js';
import { expect, LEASE_MS, SURELY_OVER_MS } from '../migrate/messages.js';
import { followsAfter, type MemoryWay } from '../migrate/modes.js';
import type { Context } from './context.js';
import { dumpWhenQuiet, type HandOver, type ServedMemory } from './dump.js';
import { LONGEST_MS } from './lazy-dump.js';
import type { MigrateOptions } from './migrate.js';
import type { Mark } from './migration.js';
import { leadAway } from './network.js';
import type { Running } from './recover.js';
import type { FileSender } from './send-files.js';
import type { MemorySender } from './send-memory.js';
import { stopLocked } from './stop.js';
import { leavingOf } from './suspended.js';

interface Move {
  readonly context: Context;
  readonly ctid: Ctid;
  readonly link: Link;
  readonly sender: FileSender;
  readonly options: MigrateOptions;
  /** Sends most of its memory before it stands still. */
  readonly memory?: MemorySender | undefined;
}

/** All of it has to be on the disk there. */
const KEPT_MS = 120_000;

/** With its processes; returns how long none of them ran, ms. */
export async function handOver(
  { context, ctid, link, sender, memory, options: { signal, progress } }: Move,
  mark: Mark,
  { criu, running, way }: { readonly criu: Criu; readonly running: Running; readonly way: MemoryWay },
): Promise<number> {
  let [began, still] = [0, 0];
  let lazy = false;
  await using packer = new ImagePacker();
  mark.set('sending');
  const ahead = async () => {
    const images = await memory?.send();
    lazy = followsAfter(way, memory?.rounds ?? []);
    began = Date.now();
    progress?.({ step: 'still' });
    return { parent: images, lazy };
  };
  const handOver: HandOver = async ({ header, images, keep, served }) => {
    faultPoint('migrate.dumped');
    signal?.throwIfAborted();
    // Deleted files that are still open have got other names by now.
    if (existsSync(remapsOf(images))) await sender.round({ still: true });
    progress?.({ step: 'state' });
    await link.send({ type: 'state', header, memory: memory?.rounds.length, lazy });
    await packer.send(link);
    if (served) serve(link, served, criu);
    await expect(link, ['restored']);
    faultPoint('migrate.restored');
    await keep();
    mark.set('handed');
    faultPoint('migrate.handed');
    await link.send({ type: 'go' });
    still = Date.now() - began;
    // Whoever is connected to it finds it there from now on, and not once it is kept.
    if (running.record.network) await leadAway(running.record.network);
    faultPoint('migrate.led');
    progress?.({ step: 'go' });
    await untilKept(link, mark, served);
  };
  const directory = leavingOf(context, ctid);
  const beside = async (images: string) => {
    await packer.begin(images);
    await link.send({ type: 'still' });
    await sender.round({ still: true });
  };
  try {
    await dumpWhenQuiet(criu, running, { directory, fate: 'ends', handOver, ahead, beside });
  } finally {
    await sender.settled();
  }
  // What has served its memory stands still for good.
  if (!lazy) await running.init.wait();
  return still;
}

/** It runs there, on trial. */
async function untilKept(link: Link, mark: Mark, served: ServedMemory | undefined): Promise<void> {
  await expect(link, ['runs'], SURELY_OVER_MS);
  if (served) await untilWhole(link, mark, served);
  mark.set('asked');
  faultPoint('migrate.asked');
  await link.send({ type: 'keep', start: false });
  await expect(link, ['kept'], KEPT_MS);
  mark.set('kept');
}

function serve(link: Link, { socket, serve }: ServedMemory, { version }: Criu): void {
  const requests = new PageRequests(version);
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
  await sender.settled();
  signal?.throwIfAborted();
  mark.set('asked');
  faultPoint('migrate.asked');
  await link.send({ type: 'keep', start: wasRunning });
  await expect(link, ['kept'], KEPT_MS);
  mark.set('kept');
}
