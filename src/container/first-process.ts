/** A command that is the first process of its container: what its caller holds of it. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { ProcessHandle } from '../host/processes.js';
import type { Ended } from '../native/binding.js';
import { type GuestTerminal, openConsole, type PipedProcess } from './guest.js';
import { untilGone } from './inside.js';
import type { Launched } from './start.js';

/** Asked so, it ends in any case. */
const FINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
/** Some send a signal to a process, and to its group at once. */
const ONCE_MORE_MS = 1000;

export class FirstProcess implements PipedProcess {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly #init: ProcessHandle;
  readonly #console: number;
  readonly #patience: number;
  #tie: number;
  #asked: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
  /** The signal that would have ended any other process. */
  #endedBy: NodeJS.Signals | undefined;

  /** `patience`: seconds from being asked to being killed. */
  constructor({ init, console, tie }: Launched, patience: number) {
    this.#init = init;
    this.#console = console;
    this.#tie = tie;
    this.#patience = patience;
    this.pid = init.pid;
    this.ended = this.#untilEnded();
  }

  kill(signal: NodeJS.Signals): void {
    this.#init.kill(signal);
  }

  /** As `RunningCommand` has it. */
  ask(signal: NodeJS.Signals): void {
    // The kernel drops what the first process of a pid namespace does not handle (pid_namespaces(7)).
    if (this.#init.leavesToDefault(signal)) {
      this.#endedBy ??= signal;
      this.kill('SIGKILL');
      return;
    }
    this.kill(signal);
    if (!FINAL.includes(signal)) return;
    if (this.#asked && performance.now() - this.#asked.at > ONCE_MORE_MS) this.kill('SIGKILL');
    this.#asked ??= {
      at: performance.now(),
      timer: setTimeout(() => this.kill('SIGKILL'), this.#patience * 1000),
    };
  }

  openTerminal({ rows, columns }: { readonly rows: number; readonly columns: number }): GuestTerminal {
    const console = openConsole(this.#console);
    console.resize(rows, columns);
    return { ...console, pid: this.pid, kill: (signal) => this.kill(signal), wait: () => this.ended };
  }

  /** Once it has ended. */
  untie(): void {
    if (this.#tie >= 0) closeSync(this.#tie);
    this.#tie = -1;
  }

  async #untilEnded(): Promise<Ended> {
    const ended = await untilGone(this.#init);
    clearTimeout(this.#asked?.timer);
    if (this.#endedBy === undefined || ended.signal !== constants.signals.SIGKILL) return ended;
    return { code: null, signal: constants.signals[this.#endedBy] };
  }
}
