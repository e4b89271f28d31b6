/** The consoles of all containers: the keeper hands them over, and has them while this service is away. */
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import type { Context } from '../container/context.js';
import { Keeper, type KeptConsole } from '../host/keeper.js';
import { ContainerConsole } from './console.js';
import type { Roster } from './roster.js';

export class Consoles {
  readonly #context: Context;
  readonly #roster: Roster;
  readonly #consoles = new Map<Ctid, ContainerConsole>();
  #keeper: Keeper | undefined;
  #closed = false;

  constructor(context: Context, roster: Roster) {
    this.#context = context;
    this.#roster = roster;
  }

  of(ctid: Ctid): ContainerConsole {
    const console = this.#consoles.get(ctid) ?? new ContainerConsole(this.#context.paths.consoleLog(ctid));
    this.#consoles.set(ctid, console);
    return console;
  }

  get viewers(): number {
    return [...this.#consoles.values()].reduce((sum, { viewers }) => sum + viewers, 0);
  }

  /** Once nobody watches it any more, and its guest is gone. */
  forget(ctid: Ctid): void {
    if (this.#consoles.get(ctid)?.isIdle) this.#consoles.delete(ctid);
  }

  /** From now on the keeper hands over what it has and gets. `ready`: makes a keeper where there is none. */
  async attend(ready: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      await ready();
      this.#keeper = Keeper.connect(this.#context.paths.keeper);
      await this.#keeper?.attend((console) => this.#take(console));
      this.#keeper?.[Symbol.dispose]();
      this.#keeper = undefined;
      if (!this.#closed) await sleep(100);
    }
  }

  close(): void {
    this.#closed = true;
    this.#keeper?.end();
    for (const console of this.#consoles.values()) console.close();
  }

  #take({ pid, token, master }: KeptConsole): void {
    const running = this.#roster.findInit(pid, token);
    if (running) this.of(running.ctid).open(master);
    // Its guest has ended meanwhile.
    else closeSync(master);
  }
}
