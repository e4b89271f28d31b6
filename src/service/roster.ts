/**
 * What runs on this host, whoever has started it: the runtime records name it, a pidfd tells when it ends. A look at
 * the directory of records finds all of it again after a restart of the service.
 */
import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { type Ctid, parseCtid } from '../config/ctid.js';
import type { Context } from '../container/context.js';
import { tokenOf } from '../host/keeper.js';
import { bootId, ProcessHandle } from '../host/processes.js';
import { readRecord } from '../state/record.js';

export interface Running {
  readonly ctid: Ctid;
  readonly pid: number;
  readonly startTime: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

export interface RosterEvents {
  /** `adopted`: it ran when the service came. */
  started(running: Running, adopted: boolean): void;
  ended(running: Running): void;
  /** A record of something that does not run: a killed start, or a guest that ended unseen. */
  remains(ctid: Ctid): void;
  /** A guest is to be started again. */
  rebooting(ctid: Ctid): void;
  problem(ctid: Ctid, error: unknown): void;
}

/** Notices of the kernel may be lost when there are too many. */
const LOOK_AGAIN_MS = 30_000;

export class Roster {
  readonly #context: Context;
  readonly #events: RosterEvents;
  readonly #running = new Map<Ctid, Running>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(context: Context, events: RosterEvents) {
    this.#context = context;
    this.#events = events;
  }

  get running(): readonly Running[] {
    return [...this.#running.values()];
  }

  find(ctid: Ctid): Running | undefined {
    return this.#running.get(ctid);
  }

  /** By what the keeper knows of it. */
  findInit(pid: number, token: number): Running | undefined {
    const find = (): Running | undefined =>
      this.running.find((running) => running.pid === pid && tokenOf(running) === token);
    const known = find();
    if (!known) this.look();
    return known ?? find();
  }

  /** Adopts what runs, and notices from then on what comes. */
  open(): void {
    const { runDir } = this.#context.paths;
    // First watched, then read: nothing comes between.
    this.#watcher = watch(runDir, (_, name) => this.#noticed(name));
    this.#timer = setInterval(() => this.look(), LOOK_AGAIN_MS);
    this.look(true);
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#timer);
  }

  /** At every record and mark that there is. */
  look(adopting = false): void {
    const how = adopting ? 'adopting' : 'looking';
    for (const name of readdirSync(this.#context.paths.runDir)) this.#noticed(name, how);
  }

  #noticed(name: string | null, how: 'told' | 'looking' | 'adopting' = 'told'): void {
    const [, id, kind] = /^([1-9]\d*)\.(json|rebooting)$/.exec(name ?? '') ?? [];
    if (this.#closed || id === undefined) return;
    const ctid = parseCtid(id);
    try {
      if (kind === 'json') this.#lookAt(ctid, how);
      else if (!this.#running.has(ctid)) this.#events.rebooting(ctid);
    } catch (error) {
      this.#events.problem(ctid, error);
    }
  }

  #lookAt(ctid: Ctid, how: 'told' | 'looking' | 'adopting'): void {
    const record = readRecord(this.#context.paths.record(ctid));
    if (!record) return;
    const init = record.bootId === bootId() ? record.init : null;
    const known = this.#running.get(ctid);
    if (known && known.pid === init?.pid && known.startTime === init.startTime) return;
    const handle = init ? ProcessHandle.find(init.pid, init.startTime) : undefined;
    if (!init || !handle) {
      // One without an init is mostly a start that has just begun: those who hold its lock see to it.
      if (!known && (record.init || how !== 'told')) this.#events.remains(ctid);
      return;
    }
    const running = { ctid, ...init };
    this.#running.set(ctid, running);
    this.#events.started(running, how === 'adopting');
    void this.#follow(running, handle);
  }

  async #follow(running: Running, handle: ProcessHandle): Promise<void> {
    await handle.wait({ background: true }).catch(() => undefined);
    if (this.#running.get(running.ctid) === running) this.#running.delete(running.ctid);
    handle[Symbol.dispose]();
    if (!this.#closed) this.#events.ended(running);
  }
}
