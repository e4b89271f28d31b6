/** Watches lxcfs: when it has ended, containers see what the kernel tells, and when it is back their own again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import type { Context } from '../container/context.js';
import { lxcfsOf, refreshView } from '../container/view.js';
import { firstCoded } from '../errors.js';
import { findLxcfs } from '../host/lxcfs.js';

const LOOK_MS = 2000;

export interface ViewSources {
  readonly running: () => readonly Ctid[];
  readonly problem: (ctid: Ctid, error: unknown) => void;
}

export class Views {
  readonly #context: Context;
  readonly #sources: ViewSources;
  readonly #closing = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(context: Context, sources: ViewSources) {
    this.#context = context;
    this.#sources = sources;
  }

  open(): void {
    this.#watching = this.#watch();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    // Whatever it was while nobody watched.
    let [known, waiting] = [undefined as string | null | undefined, new Set<Ctid>()];
    while (!signal.aborted) {
      const now = (await findLxcfs(lxcfsOf(this.#context)))?.device ?? null;
      if (now !== known) waiting = new Set(this.#sources.running());
      known = now;
      // One that another verb has in hand is tried again.
      for (const ctid of waiting) if (await this.#refresh(ctid)) waiting.delete(ctid);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #refresh(ctid: Ctid): Promise<boolean> {
    try {
      await refreshView(this.#context, ctid);
      return true;
    } catch (error) {
      if (firstCoded(error)?.code === 'LOCKED') return false;
      this.#sources.problem(ctid, error);
      return true;
    }
  }
}
