/** Ctrl-C as a request: a verb takes back what it has done, then the process ends as if killed. */
import { constants } from 'node:os';
import type { Io } from './io.js';

export class Interrupted extends Error {
  /** As a shell tells it: 130 for Ctrl-C. */
  readonly status: number;

  constructor(name: NodeJS.Signals) {
    super('interrupted');
    this.status = 128 + constants.signals[name];
  }
}

/** Turns the signals that end a command into an abort, from the first time that somebody asks for its signal. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #io: Io;
  #stop: (() => void) | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  listen(): AbortSignal {
    this.#stop ??= this.#io.onSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], (name) =>
      this.#controller.abort(new Interrupted(name)),
    );
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#stop?.();
  }
}
