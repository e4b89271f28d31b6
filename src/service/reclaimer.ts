/** Takes memory that containers have not used lately from those that do nothing, as RECLAIM_IDLE says. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import { isErrno } from '../errors.js';
import { canReclaim, reclaim } from '../host/reclaim.js';
import { Idle } from './idle.js';

const LOOK_MS = 30_000;
/** Of what it has, at each look: a guest that wakes up has lost little. */
const SHARE = 10n;

const UNABLE = 'no effect on this host (it takes the controller memory of control groups v2, Linux 5.19)';

export interface Target {
  /** Its group of v2; null: there is none. */
  readonly group: string | null;
  readonly cpuMicroseconds: bigint | null;
  /** Bytes. */
  readonly memory: bigint | null;
}

export interface ReclaimSources {
  /** Minutes; 0: never. Asked for at each look. */
  readonly patience: () => number;
  readonly running: () => readonly Ctid[];
  readonly target: (ctid: Ctid) => Target | undefined;
  readonly problem: (ctid: Ctid, error: unknown) => void;
}

export class Reclaimer {
  readonly #idle = new Idle();
  readonly #sources: ReclaimSources;
  readonly #closing = new AbortController();
  #told = false;
  #working: Promise<void> = Promise.resolve();

  constructor(sources: ReclaimSources) {
    this.#sources = sources;
  }

  open(): void {
    this.#working = this.#work();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.look(performance.now());
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** At every container, once. */
  async look(now: number): Promise<void> {
    const patience = this.#patience();
    const running = patience > 0 ? this.#sources.running() : [];
    this.#idle.keep(running);
    for (const ctid of running) await this.#lookAt(ctid, now, patience);
  }

  #tellOnce(ctid: Ctid): void {
    if (!this.#told) this.#sources.problem(ctid, new Error(`RECLAIM_IDLE: ${UNABLE}`));
    this.#told = true;
  }

  /** Milliseconds. Of a vz.conf that somebody has just broken whoever reads it next complains. */
  #patience(): number {
    try {
      return this.#sources.patience() * 60_000;
    } catch {
      return 0;
    }
  }

  async #lookAt(ctid: Ctid, now: number, patience: number): Promise<void> {
    try {
      const target = this.#sources.target(ctid);
      // It has ended meanwhile.
      if (!target || (target.group !== null && !existsSync(target.group))) return;
      if (!canReclaim(target.group)) return this.#tellOnce(ctid);
      if (target.cpuMicroseconds === null || target.memory === null) return;
      const cpu = Number(target.cpuMicroseconds / 1000n);
      if (!this.#idle.look(ctid, cpu, now, patience)) return;
      if (!(await reclaim(target.group, target.memory / SHARE))) this.#idle.noteSpent(ctid);
    } catch (error) {
      // Or has it now.
      if (!isErrno(error, 'ENOENT', 'ENODEV')) this.#sources.problem(ctid, error);
    }
  }
}
