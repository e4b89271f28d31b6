/** Watches lxcfs: when it has ended, containers see what the kernel tells, and when it is back their own again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import type { Context } from '../container/context.js';
import { lxcfsOf, refreshView } from '../container/view.js';
import { firstCoded } from '../errors.js';
import { findLxcfs, type Lxcfs } from '../host/lxcfs.js';

const LOOK_MS = 2000;
/** On a busy host it may be late to answer, which is no reason to take from containers what they see. */
const PATIENCE_MS = 5000;

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
      const found = await findLxcfs(lxcfsOf(this.#context), PATIENCE_MS);
      const now = found?.device ?? null;
      if (now !== known) waiting = new Set(this.#sources.running());
      known = now;
      // One that another verb has in hand is tried again.
      for (const ctid of waiting) if (await this.#refresh(ctid, found)) waiting.delete(ctid);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #refresh(ctid: Ctid, found: Lxcfs | undefined): Promise<boolean> {
    try {
      await refreshView(this.#context, ctid, found);
      return true;
    } catch (error) {
      if (firstCoded(error)?.code === 'LOCKED') return false;
      this.#sources.problem(ctid, error);
      return true;
    }
  }
}
