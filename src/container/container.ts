/** A container, as library users hold it: every verb of the command line is a method here. */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import type { Ended } from '../native/binding.js';
import { readRecord } from '../state/record.js';
import { type Context, lockContainer, templateOf } from './context.js';
import { type CreateOptions, create } from './create.js';
import { destroy } from './destroy.js';
import {
  type EnterOptions,
  type ExecOptions,
  enter,
  exec,
  type GuestProcess,
  type GuestTerminal,
  runScript,
} from './exec.js';
import { type Status, status } from './list.js';
import { mount, umount } from './mount.js';
import { findInit, recover } from './recover.js';
import { type SetOptions, set } from './set.js';
import { planOf, type Started, type StartOptions, start } from './start.js';
import { type StopOptions, stop } from './stop.js';

export interface StartCallOptions extends StartOptions {
  /** Returns when the guest says that it is up, rather than when its init runs. */
  readonly wait?: boolean;
}

export interface StartResult {
  readonly pid: number;
  readonly privileged: boolean;
}

/**
 * @example
 * const host = await openHost();
 * const container = host.container(101);
 * await container.start();
 */
export class Container {
  readonly ctid: Ctid;
  readonly #context: Context;
  /** How the init that this process started ended, and nobody else can know. */
  #ended: Promise<Ended> | undefined;

  constructor(context: Context, ctid: Ctid) {
    this.#context = context;
    this.ctid = ctid;
  }

  create(options: CreateOptions): Promise<{ readonly privileged: boolean }> {
    return create(this.#context, this.ctid, options);
  }

  destroy(): Promise<void> {
    return destroy(this.#context, this.ctid);
  }

  async start({ wait = false, ...options }: StartCallOptions = {}): Promise<StartResult> {
    const started = await start(this.#context, this.ctid, options);
    // Waited for from the first, so that the init of a long-lived embedding process leaves no zombie.
    this.#ended = started.init.wait({ background: true }).finally(() => started.init[Symbol.dispose]());
    if (wait) await this.#waitUntilUp(started);
    return { pid: started.init.pid, privileged: started.privileged };
  }

  stop(options: StopOptions = {}): Promise<{ readonly wasRunning: boolean }> {
    return stop(this.#context, this.ctid, options);
  }

  async restart(options: StartCallOptions & StopOptions = {}): Promise<StartResult> {
    await this.stop(options);
    return this.start(options);
  }

  /** Settles when the container has ended by itself and what it left is taken away. */
  async wait(): Promise<Ended> {
    const init = findInit(this.#context, this.ctid);
    const seen = init ? await init.wait().finally(() => init[Symbol.dispose]()) : undefined;
    const own = await this.#ended;
    using _lock = await lockContainer(this.#context, this.ctid, 'wait');
    await recover(this.#context, this.ctid);
    if (own && (own.code !== null || own.signal !== null)) return own;
    return seen ?? { code: null, signal: null };
  }

  async status(): Promise<Status> {
    return status(this.#context, this.ctid);
  }

  mount(): Promise<void> {
    return mount(this.#context, this.ctid);
  }

  umount(): Promise<void> {
    return umount(this.#context, this.ctid);
  }

  set(
    changes: ReadonlyMap<string, string>,
    options: SetOptions,
  ): Promise<{ readonly warnings: readonly string[] }> {
    return set(this.#context, this.ctid, changes, options);
  }

  /** What start would do, as data. */
  async planStart(): Promise<unknown> {
    return planOf(this.#context, this.ctid);
  }

  /** Runs a command without a shell. */
  exec(argv: readonly string[], options: ExecOptions = {}): Promise<GuestProcess> {
    return exec(this.#context, this.ctid, argv, options);
  }

  runScript(file: string): Promise<GuestProcess> {
    return runScript(this.#context, this.ctid, file);
  }

  enter(options: EnterOptions): Promise<GuestTerminal> {
    return enter(this.#context, this.ctid, options);
  }

  /** The init's pid on the host; undefined when the container does not run. */
  initPid(): number | undefined {
    using init = findInit(this.#context, this.ctid);
    return init && readRecord(this.#context.paths.record(this.ctid))?.init?.pid;
  }

  async #waitUntilUp({ config }: Started): Promise<void> {
    const { ready } = templateOf(this.#context, config.template ?? '').manifest;
    if (ready.length === 0) return;
    const asking = await this.exec(ready);
    asking.stdout.resume();
    asking.stderr.resume();
    const { code } = await asking.wait();
    if (code !== 0) throw new CellaError('WAIT_FAILED', `container ${this.ctid} ended before it was up`);
  }
}
