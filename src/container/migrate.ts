/**
 * migrate: a container goes to another host. Its files go first, while it runs; then it stands still or stops, and what
 * has changed follows, with its processes if it is to go on there. See src/migrate/messages.ts for who may run when.
 */
import { readFileSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { findCriu } from '../host/criu/find.js';
import { whyNotServed } from '../host/criu/memory.js';
import { isScript } from '../host/script.js';
import type { Link } from '../migrate/link.js';
import type { MemoryRound } from '../migrate/memory-rounds.js';
import { expect, type Hello, type Ignored, PROTOCOL } from '../migrate/messages.js';
import { chooseWay, type MigrateMode } from '../migrate/modes.js';
import { connect, type PeerOptions, peerCommand } from '../migrate/peer.js';
import { ACTIONS } from '../plan/action-scripts.js';
import { type DumpHeader, readHeader } from '../state/dump.js';
import { readSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { whyNotCheckpointable } from './checkpointable.js';
import { listItsTemplate } from './contents.js';
import { type Context, loadConfig, lockContainer, templateOf } from './context.js';
import { handOver, moveStopped } from './hand-over.js';
import { liveFacts } from './live-facts.js';
import { Mark, settleMigration } from './migration.js';
import { sendSnapshots } from './move-snapshots.js';
import { sendSuspended, suspendedFacts } from './move-suspended.js';
import { expectUnmounted, findRunning, type Running, recover } from './recover.js';
import { FileSender, type Round } from './send-files.js';
import { MemorySender, memoryUsed, whyNotAhead } from './send-memory.js';
import { expectNoViews } from './snapshot-mount.js';
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
  expectMovable(context, config, { online, running });
  const criu = online ? await findCriu('MIGRATION_FAILED') : undefined;
  const argv = peerCommand(options.to, options);
  await using peer = connect(argv, options);
  const { link } = peer;
  const suspended = running ? undefined : readHeader(dumpOf(context, ctid));
  await link.send(await introduce(context, config, { ...options, suspended }));
  const { onTemplate, goesOn, notAfter } = await expect(link, ['welcome']);
  const way =
    online && running
      ? chooseWay(options.mode ?? 'auto', {
          used: memoryUsed(running),
          notAhead: whyNotAhead(),
          notAfter: notAfter ?? whyNotServed(),
        })
      : undefined;
  if (checkOnly) return { sent: link.sent, rounds: [], memory: [], still: 0, took: Date.now() - began };
  const template = onTemplate ? await listItsTemplate(context, config, signal) : new Map();
  const sender = new FileSender(context, config, link, template);
  if (suspended) await sendSuspended(context, ctid, link);
  if (goesOn) await sender.goOn();
  await sendSnapshots(context, config, link, {
    sender,
    signal,
    progress: ({ uuid }) => options.progress?.({ step: 'snapshot', uuid }),
  });
  if (running) await sendWhileItRuns(sender, options);
  const mark = new Mark(context, ctid, { version: 1, to: options.to, argv, phase: 'sending', remove });
  const memory =
    criu && running && way?.ahead
      ? new MemorySender({ context, ctid, link, criu, running, options })
      : undefined;
  let still = 0;
  try {
    if (criu && running && way)
      still = await handOver({ context, ctid, link, sender, memory, options }, mark, { criu, running, way });
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

/** It is there by now, whatever comes of its start. */
async function expectStarted(link: Link, stopped: { it: boolean }): Promise<void> {
  stopped.it = false;
  await expect(link, ['started']);
}

function expectMovable(
  context: Context,
  config: ContainerConfig,
  { online, running }: { readonly online: boolean; readonly running: Running | undefined },
): void {
  const { ctid } = config;
  if (online && !running) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  if (!running) expectUnmounted(config);
  expectNoViews(context, ctid);
  const [why] = online ? whyNotCheckpointable(context, ctid) : [];
  if (why !== undefined)
    throw new CellaError('MIGRATION_FAILED', `container ${ctid} cannot be moved while it runs: ${why}`, {
      hint: 'Without --online it is stopped for that.',
    });
}

interface Introduced extends MigrateOptions {
  readonly suspended: DumpHeader | undefined;
}

async function introduce(
  context: Context,
  config: ContainerConfig,
  { online = false, checkOnly = false, keep = false, ignore = [], suspended }: Introduced,
): Promise<Hello> {
  const { ctid, template, layout } = config;
  const path = `${context.paths.configDir}/${ctid}`;
  const scripts = ACTIONS.filter((action) => isScript(`${path}.${action}`));
  return {
    type: 'hello',
    protocol: PROTOCOL,
    ctid,
    config: readText(context.paths.config(ctid)) ?? '',
    scripts: Object.fromEntries(scripts.map((action) => [action, readFileSync(`${path}.${action}`, 'utf8')])),
    template:
      layout.tree === 'plain' || template === undefined
        ? null
        : { name: template, digest: templateOf(context, template).manifest.digest },
    checkOnly,
    keep,
    live: suspended
      ? await suspendedFacts(context, config, suspended)
      : online
        ? await liveFacts(context, config)
        : null,
    suspended: suspended !== undefined,
    snapshots: readSnapshots(config.privateArea).snapshots.length,
    ignore,
  };
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
