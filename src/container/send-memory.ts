/** A container's memory on its way to another host while it runs: all of it first, then what has changed, until little has. */
import { closeSync, mkdirSync, openSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCgroup } from '../host/cgroup/index.js';
import { callCriu } from '../host/criu/call.js';
import type { Criu } from '../host/criu/find.js';
import { tellsChanges } from '../host/criu/soft-dirty.js';
import { heldFor } from '../host/criu/stats.js';
import { startThawer } from '../host/freeze.js';
import { pidsBelow, readOf } from '../host/guest-processes.js';
import { sendImages } from '../migrate/images.js';
import type { Link } from '../migrate/link.js';
import { isEnough, type MemoryRound } from '../migrate/memory-rounds.js';
import { expect, RemoteError } from '../migrate/messages.js';
import { dumpOptions } from '../plan/checkpoint/criu-options.js';
import { makeStaging, memoryOf, stagingOf } from '../state/dump.js';
import type { Context } from './context.js';
import { mountsOf } from './dump.js';
import type { MigrateOptions } from './migrate.js';
import type { Running } from './recover.js';
import { leavingOf } from './suspended.js';

/** Why it cannot be sent while it is being changed; undefined: it can. */
export function whyNotAhead(): string | undefined {
  return tellsChanges() ? undefined : `Linux ${release()} does not tell which pages change (soft-dirty)`;
}

/** Bytes of which a dump need have only those that change: what files or other processes have as well is sent each time. */
export function memoryUsed({ record }: Running): number {
  const { v2 } = findCgroup(record.cgroups);
  const used = (pid: number): number =>
    1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readOf(pid, 'status') ?? '')?.[1] ?? 0);
  return v2 === null ? 0 : pidsBelow(v2).reduce((sum, pid) => sum + used(pid), 0);
}

interface Sending {
  readonly context: Context;
  readonly ctid: Ctid;
  readonly link: Link;
  readonly criu: Criu;
  readonly running: Running;
  readonly options: Pick<MigrateOptions, 'mode' | 'signal' | 'progress'>;
}

/** Each time that CRIU fails it begins anew: what it has looked at counts as unchanged by then, whether it was written or not. */
const ATTEMPTS = 3;
const PAUSE_MS = 200;

export class MemorySender {
  readonly #with: Sending;
  /** Those that the other side has, and that the dump builds upon. */
  rounds: MemoryRound[] = [];

  constructor(sending: Sending) {
    this.#with = sending;
  }

  /**
   * Returns where the images are that the last dump builds upon, from its own directory on; undefined: none has gone, which
   * is fine where nobody asked for it.
   */
  async send(): Promise<string | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#sendAll();
      } catch (error) {
        // A process may have gone while it was looked at.
        if (!isOfCriu(error) || (attempt === ATTEMPTS && this.#isAsked())) throw error;
      }
      if (attempt === ATTEMPTS) break;
      await sleep(PAUSE_MS * attempt);
    }
    this.rounds = [];
    return undefined;
  }

  #isAsked(): boolean {
    const { mode = 'auto' } = this.#with.options;
    return mode !== 'auto';
  }

  async #sendAll(): Promise<string> {
    makeStaging(leavingOf(this.#with.context, this.#with.ctid));
    this.rounds = [];
    while (!isEnough(this.rounds)) {
      this.#with.options.signal?.throwIfAborted();
      this.rounds.push(await this.#sendRound(this.rounds.length + 1));
    }
    return `../${nameOf(this.rounds.length)}`;
  }

  async #sendRound(round: number): Promise<MemoryRound> {
    const { context, ctid, link, options } = this.#with;
    const directory = memoryOf(stagingOf(leavingOf(context, ctid)), round);
    mkdirSync(directory, { mode: 0o700 });
    await preDump(this.#with, directory, round === 1 ? undefined : `../${nameOf(round - 1)}`);
    faultPoint('migrate.memory');
    const pages = readdirSync(directory)
      .filter((name) => /^pages-.*\.img$/.test(name))
      .map((name) => `${directory}/${name}`);
    const bytes = pages.reduce((sum, path) => sum + statSync(path).size, 0);
    options.progress?.({ step: 'memory', round, bytes });
    await link.send({ type: 'memory', round });
    await sendImages(link, directory);
    await expect(link, ['done']);
    // For what comes next CRIU looks only at which pages there are.
    for (const path of pages) truncateSync(path);
    return { bytes, still: heldFor(directory) };
  }
}

function isOfCriu(error: unknown): boolean {
  return error instanceof CellaError && error.code === 'SYSTEM' && !(error instanceof RemoteError);
}

const nameOf = (round: number): string => memoryOf('', round).slice(1);

/** Has CRIU write what has changed since `parent`; the container is held for a part of that, and goes on whatever fails. */
async function preDump(
  { criu, running }: Sending,
  directory: string,
  parent: string | undefined,
): Promise<void> {
  const { init, record } = running;
  const { v2, cgroup } = findCgroup(record.cgroups);
  const thawer = await startThawer(cgroup);
  const images = openSync(directory, 'r');
  try {
    await callCriu({
      program: criu.program,
      request: 'pre-dump',
      timeOf: init.pid,
      alive: thawer.input,
      log: `${directory}/dump.log`,
      bytes: memoryUsed(running),
      options: {
        ...dumpOptions({
          images,
          init: init.pid,
          mounts: mountsOf(init.pid, record).mounts,
          cgroup: v2,
          goesOn: true,
          parent,
        }),
        track_mem: true,
      },
    });
  } finally {
    closeSync(images);
    thawer.input.end();
    await thawer.gone;
    await cgroup.thaw();
  }
}
