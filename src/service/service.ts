/**
 * The node service: one process for all containers of a host, which nothing depends on. It starts what is to run after
 * boot, starts guests again that reboot, cleans up after those that power off, keeps the consoles, tells what happens,
 * and stops all when the host goes down. What runs is known from records and from the kernel, so that it may be killed
 * and come back at any time.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { type Context, loadConfig, lockDirectory, openContext } from '../container/context.js';
import { listCtids } from '../container/create.js';
import { Host } from '../container/host.js';
import { ensureKeeper } from '../container/keeper.js';
import { CellaError } from '../errors.js';
import { type Lock, takeLock } from '../state/lock.js';
import { Api } from './api.js';
import { type BootCandidate, inBootOrder, planBoot } from './boot-plan.js';
import { Consoles } from './consoles.js';
import { targetOf, usedBy } from './counted.js';
import { cleanUpAfter, cleanUpRemains } from './ends.js';
import { Events, type ToldEvent } from './events.js';
import { Metrics } from './metrics.js';
import { inParallel } from './pool.js';
import { Reclaimer } from './reclaimer.js';
import { Revival } from './revival.js';
import { Roster, type RosterEvents, type Running } from './roster.js';
import { SavedState } from './saved.js';
import { Views } from './views.js';

export interface ServiceOptions {
  /** As `HostOptions` has it. */
  readonly rootDir?: string | undefined;
  /** Is told from the first event on. */
  readonly listener?: (event: ToldEvent) => void;
}

export interface CloseOptions {
  /** Stops every container first, in the reverse of their boot order, for they are to run again after the next boot. */
  readonly containers: boolean;
}

/**
 * @example
 * const service = await openService({ listener: (event) => process.stdout.write(`${JSON.stringify(event)}\n`) });
 * await service.closed;
 */
export async function openService({
  rootDir = process.env.CELLA_ROOT,
  listener,
}: ServiceOptions = {}): Promise<NodeService> {
  const events = new Events();
  if (listener) events.listen(listener);
  const context = openContext(rootDir, (event) => events.tell(event));
  const lock = await takeLock({ directory: lockDirectory(context), name: 'service', verb: 'service' });
  const service = new NodeService(context, events, lock);
  try {
    await service.open();
  } catch (error) {
    await service.close({ containers: false });
    throw error;
  }
  return service;
}

export class NodeService {
  readonly events: Events;
  /** Settles when it has ended. */
  readonly closed: Promise<void>;
  readonly #context: Context;
  readonly #host: Host;
  readonly #lock: Lock;
  readonly #roster: Roster;
  readonly #consoles: Consoles;
  readonly #revival: Revival;
  readonly #api: Api;
  readonly #views: Views;
  readonly #reclaimer: Reclaimer;
  /** No more is started. */
  readonly #ending = new AbortController();
  readonly #since = Date.now();
  readonly #endings = new Set<Promise<void>>();
  #saved: SavedState | undefined;
  #known = new Set<Ctid>();
  #configs: FSWatcher | undefined;
  #booting: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #settleClosed: () => void = () => undefined;

  /** @internal openService() makes them. */
  constructor(context: Context, events: Events, lock: Lock) {
    this.#context = context;
    this.#lock = lock;
    this.events = events;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#host = new Host(context);
    this.#roster = new Roster(context, this.#reactions);
    this.#consoles = new Consoles(context, this.#roster);
    this.#revival = new Revival(context, this.#host, events, this.#ending.signal);
    this.#views = new Views(context, {
      running: () => this.#roster.running.map(({ ctid }) => ctid),
      problem: (ctid, error) => this.#warn(ctid, error),
    });
    this.#reclaimer = new Reclaimer({
      patience: () => context.hostConfig().reclaimIdle,
      running: () => this.#roster.running.map(({ ctid }) => ctid),
      target: (ctid) => (this.#roster.find(ctid) ? targetOf(context, ctid) : undefined),
      problem: (ctid, error) => this.#warn(ctid, error),
    });
    const metrics = new Metrics({
      events,
      list: () => this.#host.list(),
      used: (ctid) => (this.#roster.find(ctid as Ctid) ? usedBy(context, ctid as Ctid) : undefined),
      traffic: () => this.#host.traffic(),
      viewers: () => this.#consoles.viewers,
    });
    this.#api = new Api({
      host: this.#host,
      consoles: this.#consoles,
      events,
      metrics: () => metrics.text(),
      about: () => this.#about(),
      stop: (containers) => void this.close({ containers }),
    });
  }

  /** @internal */
  async open(): Promise<void> {
    await ensureKeeper(this.#context);
    this.#saved = SavedState.open(this.#context.paths.serviceState, (ranBefore) => this.#planBoot(ranBefore));
    this.#roster.open();
    this.#save();
    this.#watchConfigs();
    void this.#consoles.attend(() => ensureKeeper(this.#context));
    await this.#api.listen(this.#context.paths.serviceSocket);
    this.#views.open();
    this.#reclaimer.open();
    this.#booting = this.#boot(this.#saved);
  }

  /** Settles when everything that is to run after boot runs, or could not be started. */
  get booted(): Promise<void> {
    return this.#booting;
  }

  close(options: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close({ containers }: CloseOptions): Promise<void> {
    if (containers) this.#saved?.freeze();
    this.#ending.abort();
    await this.#booting;
    await this.#revival.settled();
    if (containers) await this.#stopAll();
    await this.#views.close();
    await this.#reclaimer.close();
    this.#roster.close();
    await Promise.all(this.#endings);
    this.#configs?.close();
    this.#consoles.close();
    this.#api.close();
    this.#saved?.close();
    this.#lock.release();
    this.#settleClosed();
  }

  readonly #reactions: RosterEvents = {
    started: (running, adopted) => {
      this.events.tell({ type: adopted ? 'adopted' : 'started', ctid: running.ctid, pid: running.pid });
      this.#revival.noteStart(running.ctid, running.startedAt);
      this.#save();
    },
    ended: (running) => this.#during(running.ctid, this.#ended(running)),
    remains: (ctid) => this.#during(ctid, this.#remains(ctid)),
    rebooting: (ctid) => this.#during(ctid, this.#revive(ctid)),
    problem: (ctid, error) => this.#warn(ctid, error),
  };

  async #ended(running: Running): Promise<void> {
    const { ctid } = running;
    const ended = await cleanUpAfter(this.#context, running);
    this.events.tell({ type: 'ended', ctid, ...ended });
    this.#consoles.forget(ctid);
    if (ended.how === 'rebooted') await this.#revive(ctid);
    this.#save();
  }

  async #remains(ctid: Ctid): Promise<void> {
    if (await cleanUpRemains(this.#context, ctid))
      this.events.tell({ type: 'recovered', ctid, left: 'start' });
  }

  async #revive(ctid: Ctid): Promise<void> {
    if (!this.#ending.signal.aborted) await this.#revival.revive(ctid);
  }

  /** What it waits for when it ends. */
  #during(ctid: Ctid, work: Promise<void>): void {
    const watched = work.catch((error: unknown) => this.#warn(ctid, error));
    this.#endings.add(watched);
    void watched.then(() => this.#endings.delete(watched));
  }

  #warn(ctid: Ctid, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.events.tell({ type: 'warning', ctid, message });
  }

  #save(): void {
    this.#saved?.setRunning([
      ...new Set([...this.#roster.running.map(({ ctid }) => ctid), ...this.#revival.waiting]),
    ]);
  }

  #planBoot(ranBefore: ReadonlySet<number>): readonly Ctid[] {
    return planBoot(
      listCtids(this.#context).flatMap((ctid) => this.#candidate(ctid) ?? []),
      ranBefore,
    );
  }

  /** A config that cannot be read keeps nobody else from starting. */
  #candidate(ctid: Ctid): BootCandidate | undefined {
    try {
      return loadConfig(this.#context, ctid);
    } catch (error) {
      if (!(error instanceof CellaError)) throw error;
      this.#warn(ctid, error);
      return undefined;
    }
  }

  async #boot(saved: SavedState): Promise<void> {
    const { parallel } = this.#context.hostConfig();
    const { signal } = this.#ending;
    await inParallel(saved.pending, parallel, async (ctid) => {
      // What is not started before the host goes down again is still to be started after that.
      if (signal.aborted) return;
      // It says itself that it could not be.
      if (!this.#roster.find(ctid)) await this.#bring(ctid).catch(() => undefined);
      if (!signal.aborted) saved.settle(ctid);
    });
  }

  /** Up, where it was suspended when the host went down. */
  async #bring(ctid: Ctid): Promise<void> {
    const container = this.#host.container(ctid);
    const { signal } = this.#ending;
    if ((await container.status()).suspended) await container.resume({ signal });
    else await container.start({ signal });
  }

  /** Also what others start meanwhile. */
  async #stopAll(): Promise<void> {
    const { parallel } = this.#context.hostConfig();
    for (let round = 0; round < 3 && this.#roster.running.length > 0; round += 1) {
      const order = inBootOrder(
        this.#roster.running.map(({ ctid }) => ({ ctid, bootorder: this.#candidate(ctid)?.bootorder })),
      );
      await inParallel([...order].reverse(), parallel, async ({ ctid }) => {
        await this.#host.container(ctid).stop();
      });
      this.#roster.look();
    }
  }

  #watchConfigs(): void {
    const look = (): ReadonlySet<Ctid> => new Set(listCtids(this.#context));
    this.#known = new Set(look());
    this.#configs = watch(this.#context.paths.configDir, (_, name) => {
      if (!/^[1-9]\d*\.conf$/.test(name ?? '')) return;
      const now = look();
      for (const ctid of now) if (!this.#known.has(ctid)) this.events.tell({ type: 'created', ctid });
      for (const ctid of this.#known) if (!now.has(ctid)) this.events.tell({ type: 'destroyed', ctid });
      this.#known = new Set(now);
    });
  }

  #about(): object {
    return {
      pid: process.pid,
      since: new Date(this.#since).toISOString(),
      running: this.#roster.running.length,
      pending: this.#saved?.pending ?? [],
      rebooting: this.#revival.waiting,
    };
  }
}
