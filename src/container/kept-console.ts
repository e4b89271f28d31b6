/** The other side of the console of a container that is being resumed, until somebody has it. */
import { closeSync } from 'node:fs';
import { storedMaster } from '../host/criu/console.js';
import type { InitId, Keeper } from '../host/keeper.js';

export class KeptConsole {
  #master = -1;

  /** CRIU hands it over where processes have the console open. */
  take(master: number): void {
    this.drop();
    this.#master = master;
  }

  /** Where nobody has. `number`: of its pty. */
  find(criu: number, number: number | undefined): void {
    if (this.#master < 0 && number !== undefined) this.#master = storedMaster(criu, number);
  }

  /** The keeper remembers from then on how init ends, too. */
  async give(keeper: Keeper, init: InitId): Promise<void> {
    await keeper.claim(init);
    if (this.#master >= 0) await keeper.giveConsole(init, this.#master);
    this.drop();
  }

  /** The caller's from then on; -1: there is none. */
  release(): number {
    const master = this.#master;
    this.#master = -1;
    return master;
  }

  drop(): void {
    if (this.#master >= 0) closeSync(this.#master);
    this.#master = -1;
  }
}
