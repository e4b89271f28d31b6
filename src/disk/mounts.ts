/** Mounts that nobody else sees: in a mount namespace of their own, which ends with this process. */
import { closeSync, constants, openSync } from 'node:fs';
import { holdMountNamespace } from '../host/jobs.js';
import { type Argv, job } from './tools.js';

export class PrivateMounts implements AsyncDisposable {
  readonly #held: Disposable;
  /** Kept open: a process id alone could be another process's by the time that it is used. */
  readonly #namespace: number;
  readonly #root: number;
  readonly #mounted: string[] = [];

  private constructor(held: Disposable, namespace: number, root: number) {
    this.#held = held;
    this.#namespace = namespace;
    this.#root = root;
  }

  static async open(): Promise<PrivateMounts> {
    const held = await holdMountNamespace();
    const namespace = openSync(`/proc/${held.pid}/ns/mnt`, constants.O_RDONLY);
    const root = openSync(`/proc/${held.pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
    return new PrivateMounts(held, namespace, root);
  }

  /** What this process says to reach `path` of the namespace. */
  at(path: string): string {
    return `/proc/${process.pid}/fd/${this.#root}${path}`;
  }

  /** A command that runs in the namespace. */
  inside(argv: Argv): Argv {
    return ['nsenter', `--mount=/proc/${process.pid}/fd/${this.#namespace}`, '--', ...argv];
  }

  /** `from`: where relative paths among the options begin. */
  async mount(
    args: readonly string[],
    at: string,
    signal: AbortSignal | undefined,
    from = '/',
  ): Promise<void> {
    await job(this.inside(['env', `--chdir=${from}`, 'mount', ...args, at]), { signal });
    this.#mounted.push(at);
  }

  async umount(at: string): Promise<void> {
    await job(this.inside(['umount', at]));
    this.#mounted.splice(this.#mounted.indexOf(at), 1);
  }

  /** One by one, so that a loop device is free again when this returns and not a moment later. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const at of this.#mounted.toReversed()) {
      // The end of the namespace takes what does not go.
      await this.umount(at).catch(() => undefined);
    }
    closeSync(this.#root);
    closeSync(this.#namespace);
    this.#held[Symbol.dispose]();
  }
}
