/** Functions of ours that act on the network which their process is in, called in one of a test's own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Machine } from './networks.js';

const PROGRAM = new URL('./in-network.mjs', import.meta.url).pathname;

export class InNetwork {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(machine: Machine) {
    this.#child = machine.spawn(process.execPath, PROGRAM);
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
  }

  /** One at a time; `module`: below `dist`. Numbers of any size come as numbers, an error has its code and message. */
  async call<T = unknown>(module: string, name: string, ...args: readonly unknown[]): Promise<T> {
    const answer = once(this.#lines, 'line');
    this.#child.stdin?.write(`${JSON.stringify({ module, name, args })}\n`);
    const { value, error } = JSON.parse(String((await answer)[0])) as {
      value: T;
      error?: { message: string };
    };
    if (error) throw Object.assign(new Error(error.message), error);
    return value;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exit;
  }
}
