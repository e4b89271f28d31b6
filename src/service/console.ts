/** One container's console: what its guest writes goes to a log and to whoever watches, and what they type to it. */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Console, openConsole } from '../container/guest.js';
import { appendConsoleLog, readConsoleLog } from '../state/console-log.js';

/** What one who comes sees of before. */
const SCROLLBACK_BYTES = 64 * 1024;
/** A guest that writes faster waits, like one behind a serial line. */
const BYTES_PER_TURN = 64 * 1024;
const TURN_MS = 100;
/** Whoever reads slower than that misses some. */
const LAG_BYTES = 256 * 1024;

export class ContainerConsole {
  readonly #log: string;
  readonly #viewers = new Set<Duplex>();
  #console: Console | undefined;
  /** What is being done with what was read; those who come are served in between. */
  #work: Promise<void> = Promise.resolve();
  #turn = { since: 0, bytes: 0 };

  /** `log`: its file, of a bounded size (state/console-log.ts). */
  constructor(log: string) {
    this.#log = log;
  }

  get isIdle(): boolean {
    return this.#console === undefined && this.#viewers.size === 0;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** A new run of the container has a new terminal; it becomes ours, and is closed when the guest is gone. */
  open(master: number): void {
    this.#console?.terminal.destroy();
    const console = openConsole(master);
    this.#console = console;
    const { terminal } = console;
    terminal.on('data', (bytes: Buffer) => {
      terminal.pause();
      this.#work = this.#work.then(async () => {
        await this.#take(bytes);
        terminal.resume();
      });
    });
    terminal.once('close', () => {
      if (this.#console === console) this.#console = undefined;
    });
  }

  /** Shows it what was there before, then all that comes, until it ends. One that does not type is left alone. */
  async attach(viewer: Duplex, { types = true, scrollback = true } = {}): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      viewer.once('close', () => resolve());
      viewer.once('end', () => resolve());
      viewer.once('error', () => resolve());
    });
    this.#work = this.#work.then(async () => {
      if (scrollback) viewer.write(await readConsoleLog(this.#log, SCROLLBACK_BYTES).catch(() => ''));
      this.#viewers.add(viewer);
    });
    if (types) viewer.on('data', (bytes: Buffer) => this.#type(viewer, bytes));
    else viewer.resume();
    await ended;
    await this.#work;
    this.#viewers.delete(viewer);
    viewer.destroy();
  }

  resize(rows: number, columns: number): void {
    this.#console?.resize(rows, columns);
  }

  close(): void {
    this.#console?.terminal.destroy();
    for (const viewer of this.#viewers) viewer.destroy();
  }

  /** Nothing more is read of a guest that does not read what is typed. */
  #type(viewer: Duplex, bytes: Buffer): void {
    const terminal = this.#console?.terminal;
    if (!terminal || terminal.write(bytes)) return;
    viewer.pause();
    terminal.once('drain', () => viewer.resume()).once('close', () => viewer.resume());
  }

  async #take(bytes: Buffer): Promise<void> {
    // A full disk costs the log, not the console.
    await appendConsoleLog(this.#log, bytes).catch(() => undefined);
    for (const viewer of this.#viewers) {
      if (viewer.writableLength < LAG_BYTES) viewer.write(bytes);
    }
    await this.#rest(bytes.length);
  }

  async #rest(bytes: number): Promise<void> {
    const now = performance.now();
    if (now - this.#turn.since > TURN_MS) this.#turn = { since: now, bytes: 0 };
    this.#turn.bytes += bytes;
    if (this.#turn.bytes > BYTES_PER_TURN) await sleep(TURN_MS - (now - this.#turn.since));
  }
}
