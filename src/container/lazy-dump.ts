/** A dump whose memory is served to where its container goes on, from the processes that stand still here until it is whole. */
import { closeSync } from 'node:fs';
import type { Call } from '../host/criu/call.js';
import { type MemoryServer, memoryServer } from '../host/criu/memory.js';
import type { CriuOptions } from '../plan/checkpoint/criu-request.js';
import type { HandedState, HandOver } from './dump.js';

/** A container that needs longer for its memory goes on where it was. */
export const LONGEST_MS = 30 * 60_000;

/** In which CRIU takes back what it has put into them. */
const FAILING_MS = 10_000;

export class LazyDump {
  readonly #server: MemoryServer;
  readonly #criu = new AbortController();
  /** Settles with what `handOver` has come to. */
  #over: Promise<void> | undefined;

  /** `directory`: where its images are. */
  constructor(directory: string) {
    this.#server = memoryServer(directory);
  }

  get options(): Partial<CriuOptions> {
    return this.#server.options;
  }

  get call(): Pick<Call, 'given' | 'patience' | 'signal'> {
    const { given } = this.#server;
    return { given, patience: LONGEST_MS, signal: this.#criu.signal };
  }

  /** In CRIU's post-dump: returns when that is to serve, or has failed. */
  handOver(state: Omit<HandedState, 'served'>, handOver: HandOver): Promise<void> {
    const { socket } = this.#server;
    return new Promise((resolve, reject) => {
      const over = handOver({ ...state, served: { socket, serve: resolve } });
      this.#over = over;
      // It is the other host's, or it goes on.
      over.then(
        () => this.#criu.abort(),
        (error: unknown) => {
          reject(error);
          this.#server.fail();
          setTimeout(() => this.#criu.abort(), FAILING_MS).unref();
        },
      );
    });
  }

  async end(call: Promise<unknown>): Promise<void> {
    // CRIU alone has it from now on: its end is heard then.
    closeSync(this.#server.given[0]);
    try {
      await call;
    } catch (error) {
      if (!this.#over) throw error;
    } finally {
      this.#server.socket.destroy();
    }
    await this.#over;
  }
}
