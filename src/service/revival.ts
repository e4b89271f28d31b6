/** Starts guests again that have rebooted, with pauses for those that do nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import { type Context, loadConfig } from '../container/context.js';
import type { Host } from '../container/host.js';
import { isRebooting, unmarkRebooting } from '../container/recover.js';
import { firstCoded } from '../errors.js';
import { type Attempts, afterRun, NO_ATTEMPTS } from './backoff.js';
import type { Events } from './events.js';

/** Starts that fail, before it is given up. */
const MAX_FAILURES = 5;

export class Revival {
  readonly #context: Context;
  readonly #host: Host;
  readonly #events: Events;
  readonly #signal: AbortSignal;
  readonly #attempts = new Map<Ctid, Attempts>();
  /** Milliseconds since 1970. */
  readonly #started = new Map<Ctid, number>();
  readonly #reviving = new Map<Ctid, Promise<void>>();

  constructor(context: Context, host: Host, events: Events, signal: AbortSignal) {
    this.#context = context;
    this.#host = host;
    this.#events = events;
    this.#signal = signal;
  }

  /** What is about to be started again. */
  get waiting(): readonly Ctid[] {
    return [...this.#reviving.keys()];
  }

  /** It runs since then: how long it does is what the pauses depend on. */
  noteStart(ctid: Ctid, at: number): void {
    this.#started.set(ctid, at);
  }

  /** Settles when it runs, or is given up. */
  revive(ctid: Ctid): Promise<void> {
    const ranMs = Date.now() - (this.#started.get(ctid) ?? 0);
    const reviving = this.#reviving.get(ctid) ?? this.#revive(ctid, ranMs);
    this.#reviving.set(ctid, reviving);
    return reviving;
  }

  /** When nothing is being started any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#reviving.values());
  }

  async #revive(ctid: Ctid, ranMs: number): Promise<void> {
    try {
      for (let failures = 0, ran = ranMs; failures < MAX_FAILURES; failures += 1, ran = 0) {
        await this.#pause(ctid, ran);
        if (!isRebooting(this.#context, ctid)) return;
        if (await this.#start(ctid)) return;
      }
      unmarkRebooting(this.#context, ctid);
    } catch (error) {
      if (!this.#signal.aborted) this.#events.tell({ type: 'failed', ctid, verb: 'start', error });
    } finally {
      this.#reviving.delete(ctid);
    }
  }

  async #pause(ctid: Ctid, ranMs: number): Promise<void> {
    const { pauseMs, ...attempts } = afterRun(this.#attempts.get(ctid) ?? NO_ATTEMPTS, ranMs);
    this.#attempts.set(ctid, attempts);
    if (pauseMs > 0) this.#events.tell({ type: 'waiting', ctid, milliseconds: pauseMs });
    // Not at once even so: whoever stops it takes the mark away within its lock.
    await sleep(Math.max(pauseMs, 1), undefined, { signal: this.#signal });
  }

  /** True when there is nothing more to do. */
  async #start(ctid: Ctid): Promise<boolean> {
    try {
      loadConfig(this.#context, ctid);
      await this.#host.container(ctid).start({ ifRebooting: true, signal: this.#signal });
      return true;
    } catch (error) {
      this.#signal.throwIfAborted();
      const code = firstCoded(error)?.code;
      if (code === 'NO_CONFIG' || code === 'DISABLED') unmarkRebooting(this.#context, ctid);
      // Somebody else was first, or has stopped it.
      return code === 'ALREADY_RUNNING' || code === 'NOT_RUNNING' || !isRebooting(this.#context, ctid);
    }
  }
}
