/** Which containers have done nothing for so long that their memory may go. Pure. */

/** Less of a processor than this is a timer that goes off, or a guest's systemd that looks around. */
const BUSY_SHARE = 0.01;

interface Watched {
  /** CPU time that it had used, and when that was looked at. */
  cpu: number;
  at: number;
  /** Since when it has done nothing. */
  since: number;
  /** What is left of its memory is in use. */
  spent: boolean;
}

export class Idle {
  readonly #watched = new Map<number, Watched>();

  /** A look at a running container, times in milliseconds; whether to take memory from it now. */
  look(ctid: number, cpu: number, now: number, patience: number): boolean {
    const known = this.#watched.get(ctid);
    // It has been started anew where it has used less than before.
    if (!known || cpu < known.cpu || cpu - known.cpu > (now - known.at) * BUSY_SHARE) {
      this.#watched.set(ctid, { cpu, at: now, since: now, spent: false });
      return false;
    }
    known.cpu = cpu;
    known.at = now;
    return !known.spent && now - known.since >= patience;
  }

  /** The kernel found less than it was asked for: no more until it has done something again. */
  noteSpent(ctid: number): void {
    const known = this.#watched.get(ctid);
    if (known) known.spent = true;
  }

  /** Those that run no more are forgotten. */
  keep(running: readonly number[]): void {
    for (const ctid of this.#watched.keys()) if (!running.includes(ctid)) this.#watched.delete(ctid);
  }
}
