/** Functions and commands of ours that act on the network which their process is in, called in one of a test's own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Program } from '../../dist/cli/main.js';
import type { Machine } from './networks.js';
import type { Result } from './sandbox.js';

const PROGRAM = new URL('in-network.mjs', import.meta.url).pathname;

interface Call {
  /** Default: run-main.mjs. */
  readonly module?: string;
  readonly name: string;
  readonly args?: readonly unknown[];
  readonly each?: readonly (readonly unknown[])[];
}

export class InNetwork {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<never>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(machine: Machine) {
    this.#child = machine.spawn(process.execPath, PROGRAM);
    this.#ended = once(this.#child, 'exit').then(() => Promise.reject(new Error('its process has ended')));
    this.#ended.catch(() => undefined);
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
  }

  /** One after the other; `module`: below `dist`. Numbers of any size come as numbers, an error has its code and message. */
  call<T = unknown>(module: string, name: string, ...args: readonly unknown[]): Promise<T> {
    return this.#ask<T>({ module: `../../dist/${module}.js`, name, args });
  }

  /** With each of these arguments at one time: codes of the errors, null where there was none. */
  callEach(
    module: string,
    name: string,
    each: readonly (readonly unknown[])[],
  ): Promise<readonly (string | null)[]> {
    return this.#ask({ module: `../../dist/${module}.js`, name, each });
  }

  /** A command of ours, as `runMain` has it. */
  command(program: Program, args: readonly string[], rootDir: string): Promise<Result> {
    return this.#ask({
      name: 'runMain',
      args: [program, args, { rootDir, input: '' }],
    });
  }

  #ask<T>(call: Call): Promise<T> {
    const answer = this.#last.then(() => this.#askNow<T>(call));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #askNow<T>(call: Call): Promise<T> {
    const answer = Promise.race([once(this.#lines, 'line'), this.#ended]);
    this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
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
