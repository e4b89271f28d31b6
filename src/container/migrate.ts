/**
 * migrate: a container goes to another host. Its files go first, while it runs; then it stands still or stops, and what
 * has changed follows, with its processes if it is to go on there. See src/migrate/messages.ts for who may run when.
 */
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { findCriu } from '../host/criu/find.js';
import { whyNotServed } from '../host/criu/memory.js';
import type { Link } from '../migrate/link.js';
import type { MemoryRound } from '../migrate/memory-rounds.js';
import { expect, type Ignored, type Message } from '../migrate/messages.js';
import { chooseWay, type MemoryWay, type MigrateMode } from '../migrate/modes.js';
import { connect, type PeerOptions, peerCommand } from '../migrate/peer.js';
import { readHeader } from '../state/dump.js';
import type { Snapshot } from '../state/snapshots.js';
import { listItsTemplate } from './contents.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { handOver, moveStopped } from './hand-over.js';
import { expectMovable, introduce } from './introduce.js';
import { Mark, settleMigration } from './migration.js';
import { sendSnapshots } from './move-snapshots.js';
import { sendSuspended } from './move-suspended.js';
import { findRunning, type Running, recover } from './recover.js';
import { FileSender, type Round } from './send-files.js';
import { MemorySender, memoryUsed, whyNotAhead } from './send-memory.js';
import { start } from './start.js';
import { dumpOf } from './suspended.js';

export interface MigrateOptions extends PeerOptions {
  /** Host, or user@host. */
  readonly to: string;
  /** With its processes, which go on there. */
  readonly online?: boolean | undefined;
  /** Only looks whether it could be. */
  readonly checkOnly?: boolean | undefined;
  /** Whether it is removed here afterwards; else its config is CTID.conf.migrated. Default: true. */
  readonly remove?: boolean | undefined;
  /** What was sent stays there for the next try, where this one fails. Default: false. */
  readonly keep?: boolean | undefined;
  readonly ignore?: readonly Ignored[] | undefined;
  /** Of one with its processes. Default: `auto`. */
  readonly mode?: MigrateMode | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((step: MigrateStep) => void) | undefined;
}

export type MigrateStep =
  | { readonly step: 'files'; readonly round: number; readonly bytes: number; readonly total: number }
  | { readonly step: 'round'; readonly round: number; readonly files: number; readonly bytes: number }
  | { readonly step: 'memory'; readonly round: number; readonly bytes: number }
  | { readonly step: 'snapshot'; readonly uuid: string }
  | { readonly step: 'still' | 'state' | 'go' };

/** Times in ms. */
export interface MigrateResult {
  /** Bytes that went over. */
  readonly sent: number;
  readonly rounds: readonly Round[];
  /** Of memory, while it ran. */
  readonly memory: readonly MemoryRound[];
  /** How long nothing of it ran, ms; 0 where it was not to go on. */
  readonly still: number;
  readonly took: number;
}

/** Rounds of files while it runs, and how little is worth no other one. */
const ROUNDS = 8;
const LITTLE = 1 << 20;

/** What it was is what it is again, here, where anything fails. */
export async function migrate(context: Context, ctid: Ctid, options: MigrateOptions): Promise<MigrateResult> {
  const stopped = { it: false };
  try {
    return await move(context, ctid, options, stopped);
  } catch (error) {
    if (stopped.it && !isUndecided(error))
      (await start(context, ctid, { again: true })).init[Symbol.dispose]();
    throw error;
  }
}

function isUndecided(error: unknown): boolean {
  return error instanceof CellaError && error.code === 'MIGRATION_UNDECIDED';
}

async function move(
  context: Context,
  ctid: Ctid,
  options: MigrateOptions,
  stopped: { it: boolean },
): Promise<MigrateResult> {
  const { online = false, checkOnly = false, remove = true, signal } = options;
  const began = Date.now();
  using _lock = await lockContainer(context, ctid, 'migrate', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const running = findRunning(context, ctid);
  using _init = running?.init;
  expectMovable(context, config, { ...options, running });
  const criu = online ? await findCriu('MIGRATION_FAILED') : undefined;
  const argv = peerCommand(options.to, options);
  await using peer = connect(argv, options);
  const { link } = peer;
  const suspended = running ? undefined : readHeader(dumpOf(context, ctid));
  await link.send(await introduce(context, config, { ...options, suspended }));
  const welcome = await expect(link, ['welcome']);
  const way = online && running ? wayOf(running, options, welcome) : undefined;
  if (checkOnly) return { sent: link.sent, rounds: [], memory: [], still: 0, took: Date.now() - began };
  const template = welcome.onTemplate ? await listItsTemplate(context, config, signal) : new Map();
  const sender = new FileSender(context, config, link, template);
  if (suspended) await sendSuspended(context, ctid, link);
  if (welcome.goesOn) await sender.goOn();
  await sendBefore(context, config, link, { sender, running, options });
  const mark = new Mark(context, ctid, { version: 1, to: options.to, argv, phase: 'sending', remove });
  const live = criu && running && way ? { criu, running, way } : undefined;
  const memory = live?.way.ahead ? new MemorySender({ context, ctid, link, options, ...live }) : undefined;
  let still = 0;
  try {
    if (live) still = await handOver({ context, ctid, link, sender, memory, options }, mark, live);
    else await moveStopped({ context, ctid, link, sender, options }, mark, stopped);
  } catch (error) {
    await mark.decide(error);
  }
  await settleMigration(context, ctid, mark.now, 'there');
  await link.send({ type: 'bye' }).catch(() => undefined);
  context.report({ type: 'unmounted', ctid });
  if (stopped.it) await expectStarted(link, stopped);
  const { rounds } = sender;
  return { sent: link.sent, rounds, memory: memory?.rounds ?? [], still, took: Date.now() - began };
}

/** Fails where the memory of what runs cannot go as it is told to. */
function wayOf(
  running: Running,
  { mode = 'auto' }: MigrateOptions,
  { notAfter }: Pick<Extract<Message, { readonly type: 'welcome' }>, 'notAfter'>,
): MemoryWay {
  return chooseWay(mode, {
    used: memoryUsed(running),
    notAhead: whyNotAhead(),
    notAfter: notAfter ?? whyNotServed(),
  });
}

interface Before {
  readonly sender: FileSender;
  readonly running: Running | undefined;
  readonly options: MigrateOptions;
}

/** All that can go as long as it is as it was. */
async function sendBefore(
  context: Context,
  config: ContainerConfig,
  link: Link,
  { sender, running, options }: Before,
): Promise<void> {
  const progress = ({ uuid }: Snapshot): void => options.progress?.({ step: 'snapshot', uuid });
  await sendSnapshots(context, config, link, { sender, signal: options.signal, progress });
  if (running) await sendWhileItRuns(sender, options);
}

/** It is there by now, whatever comes of its start. */
async function expectStarted(link: Link, stopped: { it: boolean }): Promise<void> {
  stopped.it = false;
  await expect(link, ['started']);
}

async function sendWhileItRuns(sender: FileSender, { signal, progress }: MigrateOptions): Promise<void> {
  let last = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const told = (bytes: number, total: number): void => progress?.({ step: 'files', round, bytes, total });
    const { files, bytes } = await sender.round({ signal, progress: told });
    progress?.({ step: 'round', round, files, bytes });
    // What it changes as fast as it can be sent is sent when it stands still.
    if (bytes < LITTLE || bytes > last * 0.9) return;
    last = bytes;
  }
}
