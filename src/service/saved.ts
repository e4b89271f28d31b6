/** What the service has to know after it was killed, or after the host's next boot: one small file. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Ctid, MAX_CTID } from '../config/ctid.js';
import { bootId } from '../host/processes.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readText } from '../state/text-file.js';

interface Saved {
  readonly version: 1;
  readonly bootId: string;
  /** What runs. */
  readonly running: readonly Ctid[];
  /** What is still to be started because the host has booted. */
  readonly pending: readonly Ctid[];
}

/** Starts and stops come in crowds. */
const PAUSE_MS = 500;

export class SavedState {
  readonly #path: string;
  #saved: Saved;
  #timer: NodeJS.Timeout | undefined;
  #frozen = false;

  private constructor(path: string, saved: Saved) {
    this.#path = path;
    this.#saved = saved;
  }

  /** `plan` says what starts at boot, from what ran before; it is asked once a boot. */
  static open(path: string, plan: (ranBefore: ReadonlySet<number>) => readonly Ctid[]): SavedState {
    const before = read(path);
    if (before?.bootId === bootId()) return new SavedState(path, before);
    // What a boot that was cut short had not come to yet ran before that.
    const pending = plan(new Set([...(before?.running ?? []), ...(before?.pending ?? [])]));
    const state = new SavedState(path, { version: 1, bootId: bootId(), running: [], pending });
    state.#write();
    return state;
  }

  get pending(): readonly Ctid[] {
    return this.#saved.pending;
  }

  /** It was started, or could not be. */
  settle(ctid: Ctid): void {
    this.#change({ pending: this.#saved.pending.filter((other) => other !== ctid) });
  }

  setRunning(running: readonly Ctid[]): void {
    if (!this.#frozen) this.#change({ running: [...running].sort((a, b) => a - b) });
  }

  /** The host goes down: what runs now is what ran. */
  freeze(): void {
    this.#frozen = true;
    this.close();
  }

  close(): void {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#write();
  }

  #change(change: Partial<Saved>): void {
    this.#saved = { ...this.#saved, ...change };
    this.#timer ??= setTimeout(() => this.#write(), PAUSE_MS);
  }

  #write(): void {
    this.#timer = undefined;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
    writeFileAtomic(this.#path, `${JSON.stringify(this.#saved)}\n`, { durable: true });
  }
}

function isId(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_CTID;
}

/** Undefined where there is none, or none that can be read. */
function read(path: string): Saved | undefined {
  try {
    const saved = JSON.parse(readText(path) ?? '') as Saved;
    const lists: readonly unknown[] = [saved.running, saved.pending];
    const isSound = saved.version === 1 && lists.every((list) => Array.isArray(list) && list.every(isId));
    return isSound ? saved : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
