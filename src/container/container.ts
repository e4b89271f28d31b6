/** A container, as library users hold it: every verb of the command line is a method here. */
import { abortable } from '../abort.js';
import type { Ctid } from '../config/ctid.js';
import type { Edits } from '../config/edits.js';
import { parseLayout } from '../config/layout.js';
import type { Change } from '../disk/changes.js';
import type { ExportedDisk, ExportOptions } from '../disk/export.js';
import { CellaError } from '../errors.js';
import type { Verb } from '../events.js';
import { attended, type WatchedEnd, watchEnd } from '../host/processes.js';
import type { Ended } from '../native/binding.js';
import { followConsoleLog } from '../state/console-log.js';
import { readRecord } from '../state/record.js';
import { warn } from './actions.js';
import { type BackupOptions, type BackupResult, backup } from './backup.js';
import { changes } from './changes.js';
import { RESUME_STEPS, type ResumeStep, SUSPEND_STEPS, type SuspendStep } from './checkpoint-steps.js';
import { checkpointFindings } from './checkpointable.js';
import { clone } from './clone.js';
import { compact } from './compact.js';
import { type Context, lockContainer } from './context.js';
import { convert } from './convert.js';
import { type CreateOptions, create } from './create.js';
import { destroy } from './destroy.js';
import { exportContainerDisk } from './disk.js';
import { type EnterOptions, type ExecOptions, enter, exec, runScript } from './exec.js';
import { explainFull } from './full.js';
import { type Console, type GuestProcess, type GuestTerminal, openConsole } from './guest.js';
import { type Imported, type ImportOptions, importContainer } from './import.js';
import { type Status, status } from './list.js';
import { type MigrateOptions, type MigrateResult, migrate } from './migrate.js';
import { settleUndecided } from './migration.js';
import { mount, umount } from './mount.js';
import { findInit, sweep } from './recover.js';
import { type RelocateOptions, relocate } from './relocate.js';
import { renumber } from './renumber.js';
import { type RestoreOptions, restore } from './restore.js';
import type { Chain } from './restore-files.js';
import { type ResumeOptions, resume } from './resume.js';
import { type SetOptions, set } from './set.js';
import {
  deleteSnapshot,
  expectSnapshot,
  listSnapshots,
  type SnapshotInfo,
  type SnapshotOptions,
  type SwitchOptions,
  snapshot,
  switchSnapshot,
} from './snapshot.js';
import { mountSnapshot, umountSnapshot } from './snapshot-mount.js';
import { planFor, type StartOptions, start } from './start.js';
import { type StopOptions, stop } from './stop.js';
import { type SuspendOptions, suspend } from './suspend.js';
import { waitUntilUp } from './until-up.js';

export interface Abortable {
  readonly signal?: AbortSignal;
}

export interface StartCallOptions extends StartOptions {
  /** Returns when the guest says that it is up, rather than when its init runs. */
  readonly wait?: boolean;
}

export interface StartResult {
  readonly pid: number;
  readonly privileged: boolean;
  /** Where it was asked for. */
  readonly console?: Console;
}

export interface ResumeResult {
  readonly pid: number;
  /** Where it was asked for, and it has one. */
  readonly console?: Console;
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
  /** The init that this process started: how it ended nobody else can know. */
  #own: WatchedEnd | undefined;

  constructor(context: Context, ctid: Ctid) {
    this.#context = context;
    this.ctid = ctid;
  }

  create(options: CreateOptions): Promise<{ readonly privileged: boolean }> {
    return this.#told('create', async () => {
      const created = await create(this.#context, this.ctid, options);
      if (created.privileged) this.#warnPrivileged();
      return created;
    });
  }

  /** Makes it of another one, which must be stopped; options of that one stay, but its name and addresses. */
  cloneOf(source: Container, { signal }: Abortable = {}): Promise<{ readonly privileged: boolean }> {
    return this.#told('clone', async () => {
      const cloned = await clone(this.#context, this.ctid, source.ctid, signal);
      if (cloned.privileged) this.#warnPrivileged();
      return cloned;
    });
  }

  /** Gives blocks of its disk image that hold nothing back to the host; returns their bytes. */
  compact({ signal }: Abortable = {}): Promise<number> {
    return this.#told('compact', () => compact(this.#context, this.ctid, signal));
  }

  /** Gives a stopped one without snapshots another layout, as "plain:image". */
  convert(layout: string, { signal }: Abortable = {}): Promise<void> {
    return this.#told('convert', () =>
      convert(this.#context, this.ctid, { layout: parseLayout(layout), signal }),
    );
  }

  /** Gives a stopped one another id, under which it is returned; all else of it stays. */
  moveTo(target: Container, { signal }: Abortable = {}): Promise<Container> {
    return this.#told('move', async () => {
      await renumber(this.#context, { from: this.ctid, to: target.ctid }, signal);
      return target;
    });
  }

  /** Gives a stopped one another private area, with all that is in it; on another file system it is copied. */
  moveArea(options: RelocateOptions): Promise<void> {
    return this.#told('move', () => relocate(this.#context, this.ctid, options));
  }

  /**
   * Keeps the state of its files and, where they can be dumped, of its processes, to go back to. A running one stands still
   * for that.
   */
  snapshot(options: SnapshotOptions = {}): Promise<{ readonly uuid: string }> {
    return this.#told('snapshot', () => snapshot(this.#context, this.ctid, options));
  }

  /** In the order in which they were taken; all, or one. */
  async snapshots(uuid?: string): Promise<readonly SnapshotInfo[]> {
    return listSnapshots(this.#context, this.ctid, uuid);
  }

  /**
   * Goes back to a snapshot; one that runs is killed for that. Processes that the snapshot holds go on, if they can; else
   * what was running is started again.
   */
  switchSnapshot(uuid: string, options: SwitchOptions = {}): Promise<void> {
    return this.#told('snapshot-switch', async () => {
      await expectSnapshot(this.#context, this.ctid, uuid, options);
      const { wasRunning } =
        this.initPid() === undefined ? { wasRunning: false } : await this.stop({ fast: true });
      const { suspended } = await switchSnapshot(this.#context, this.ctid, uuid, options);
      if (suspended && (await this.#goOn(options))) return;
      if (wasRunning)
        await this.start({ again: true, ...(options.signal ? { signal: options.signal } : {}) });
    });
  }

  deleteSnapshot(uuid: string, { signal }: Abortable = {}): Promise<void> {
    return this.#told('snapshot-delete', () => deleteSnapshot(this.#context, this.ctid, uuid, signal));
  }

  /** Read-only, at an existing directory of the host. */
  mountSnapshot(uuid: string, target: string, { signal }: Abortable = {}): Promise<void> {
    return this.#told('snapshot-mount', () =>
      mountSnapshot(this.#context, this.ctid, uuid, { target, signal }),
    );
  }

  umountSnapshot(uuid: string, { signal }: Abortable = {}): Promise<void> {
    return this.#told('snapshot-umount', () => umountSnapshot(this.#context, this.ctid, uuid, signal));
  }

  /**
   * Puts its files and its config into one archive. One that runs goes on meanwhile, from a snapshot (`snapshot`), stands
   * still until all is read (`suspend`), or is stopped and started again (`stop`).
   */
  backup(options: BackupOptions = {}): Promise<BackupResult> {
    return this.#told('backup', async () => {
      const running = options.mode === 'stop' && this.initPid() !== undefined;
      if (running) await this.stop(options.signal ? { signal: options.signal } : {});
      try {
        return await backup(this.#context, this.ctid, options);
      } finally {
        if (running) await this.start({ again: true });
      }
    });
  }

  /** Makes it of an open backup: see `Host.restore`. */
  restoreFrom(chain: Chain, options: RestoreOptions = {}): Promise<{ readonly privileged: boolean }> {
    return this.#told('restore', async () => {
      const restored = await restore(this.#context, this.ctid, chain, options);
      if (restored.privileged) this.#warnPrivileged();
      return restored;
    });
  }

  /** Makes it of the text of a config of OpenVZ's, and tells what became of its settings. */
  importFrom(config: string, options: ImportOptions = {}): Promise<Imported> {
    return this.#told('import', async () => {
      const imported = await importContainer(this.#context, this.ctid, config, options);
      if (imported.privileged && !options.dryRun) this.#warnPrivileged();
      return imported;
    });
  }

  destroy({ signal }: Abortable = {}): Promise<void> {
    return this.#told('destroy', () => destroy(this.#context, this.ctid, signal));
  }

  start({ wait = false, ...options }: StartCallOptions = {}): Promise<StartResult> {
    return this.#told('start', async () => {
      const started = await start(this.#context, this.ctid, options);
      using init = started.init;
      // Waited for from the first, so that the init of a long-lived embedding process leaves no zombie.
      this.#own = watchEnd(init);
      if (started.privileged) this.#warnPrivileged();
      if (wait) await waitUntilUp(this.#context, started.config, init, options.signal);
      const console = started.console < 0 ? {} : { console: openConsole(started.console) };
      return { pid: init.pid, privileged: started.privileged, ...console };
    });
  }

  stop(options: StopOptions = {}): Promise<{ readonly wasRunning: boolean }> {
    return this.#told('stop', () => stop(this.#context, this.ctid, options));
  }

  /** Puts all that it is into files, from which `resume` goes on, on this host and after its next boot too. */
  suspend(options: SuspendOptions = {}): Promise<void> {
    return this.#told('suspend', () => suspend(this.#context, this.ctid, options));
  }

  /** Goes on where it was suspended. */
  resume(options: ResumeOptions = {}): Promise<ResumeResult> {
    return this.#told('resume', () => this.#resume(options));
  }

  /** A part of `suspend`, in this order: it stands still, is dumped, and is killed or goes on (`resume`). */
  suspendStep(step: SuspendStep, options: SuspendOptions = {}): Promise<void> {
    return this.#told('suspend', () => SUSPEND_STEPS[step](this.#context, this.ctid, options));
  }

  /** A part of `resume`: it is put back without running (`undump`), and then runs or is killed. */
  async resumeStep(step: ResumeStep, options: SuspendOptions = {}): Promise<void> {
    if (step === 'undump') await this.resume({ ...options, still: true });
    else await this.#told('resume', () => RESUME_STEPS[step](this.#context, this.ctid, options));
  }

  async #resume(options: ResumeOptions): Promise<ResumeResult> {
    const resumed = await resume(this.#context, this.ctid, options);
    using init = resumed.init;
    this.#own = watchEnd(init);
    return { pid: init.pid, ...(resumed.console < 0 ? {} : { console: openConsole(resumed.console) }) };
  }

  /** Of a snapshot. */
  async #goOn({ mustResume = false, signal }: SwitchOptions): Promise<boolean> {
    try {
      await this.#resume(signal ? { signal } : {});
      return true;
    } catch (error) {
      if (mustResume || !(error instanceof CellaError)) throw error;
      warn(this.#context, this.ctid, `its processes do not go on: ${error.message}`);
      return false;
    }
  }

  /** Moves it to another host; whatever fails, it is there or here, and nowhere twice. */
  migrate(options: MigrateOptions): Promise<MigrateResult> {
    return this.#told('migrate', () => migrate(this.#context, this.ctid, options));
  }

  /** Where it is, of which a migration that was cut short could not find out. */
  async settleMigration(whose: 'here' | 'there'): Promise<void> {
    using _lock = await lockContainer(this.#context, this.ctid, 'migrate');
    await settleUndecided(this.#context, this.ctid, whose);
  }

  restart(options: StartCallOptions & StopOptions = {}): Promise<StartResult> {
    return this.#told('restart', async () => {
      const { wasRunning } = await this.stop(options);
      return this.start({ ...options, again: wasRunning });
    });
  }

  /** Settles when the container has ended by itself and what it left is taken away. */
  async wait({ signal }: Abortable = {}): Promise<Ended> {
    const own = this.#own;
    const ended =
      own && !own.result ? await attended(abortable(own.ended, signal)) : await this.#waitForAny(signal);
    using _lock = await lockContainer(this.#context, this.ctid, 'wait', signal);
    const swept = await sweep(this.#context, this.ctid);
    return swept?.ended ?? ended ?? own?.result ?? { code: null, signal: null };
  }

  /** For an init that some other process has started. */
  async #waitForAny(signal: AbortSignal | undefined): Promise<Ended | undefined> {
    using init = findInit(this.#context, this.ctid);
    return init && (await abortable(init.wait(), signal));
  }

  async status(): Promise<Status> {
    return status(this.#context, this.ctid);
  }

  mount({ signal }: Abortable = {}): Promise<void> {
    return this.#told('mount', () => mount(this.#context, this.ctid, signal));
  }

  umount({ signal }: Abortable = {}): Promise<void> {
    return this.#told('umount', () => umount(this.#context, this.ctid, signal));
  }

  /** Makes a disk image for virtual machines of it; it must not run, and `file` not exist. */
  exportDisk(file: string, options: ExportOptions = {}): Promise<ExportedDisk> {
    return this.#told('export', () => exportContainerDisk(this.#context, this.ctid, file, options));
  }

  /** What it changed of its template; it must not run, and be no full copy. */
  changes({ signal }: Abortable = {}): Promise<readonly Change[]> {
    return this.#told('diff', () => changes(this.#context, this.ctid, signal));
  }

  /** Changes by config key, as `changesFromOptions` makes them; starts it anew where that is asked for and needed. */
  set(changes: Edits, options: SetOptions): Promise<void> {
    return this.#told('set', async () => {
      const { restart } = await set(this.#context, this.ctid, changes, options);
      if (restart) await this.restart(options.signal ? { signal: options.signal } : {});
    });
  }

  /** What start would do, as data. */
  async planStart(): Promise<unknown> {
    return planFor(this.#context, this.ctid);
  }

  /**
   * Why it cannot be suspended, as phrases: as it runs or, where it does not, as it would start; with what this host lacks.
   */
  async whyNotCheckpointable(): Promise<readonly string[]> {
    return checkpointFindings(this.#context, this.ctid);
  }

  /** Runs a command without a shell; aborting kills it. */
  exec(argv: readonly string[], options: ExecOptions = {}): Promise<GuestProcess> {
    return this.#told('exec', () => exec(this.#context, this.ctid, argv, options));
  }

  /** Runs a script of the host in it, started for that if it does not run; aborting kills it. */
  runScript(file: string, options: Abortable = {}): Promise<GuestProcess> {
    return this.#told('runscript', () => runScript(this.#context, this.ctid, file, options));
  }

  enter(options: EnterOptions): Promise<GuestTerminal> {
    return this.#told('enter', () => enter(this.#context, this.ctid, options));
  }

  /** What its console showed last, at most some hundred KiB; to follow goes on with what comes. */
  consoleLog(
    options: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Buffer> {
    return followConsoleLog(this.#context.paths.consoleLog(this.ctid), options);
  }

  /** The init's pid on the host; undefined when the container does not run. */
  initPid(): number | undefined {
    using init = findInit(this.#context, this.ctid);
    return init && readRecord(this.#context.paths.record(this.ctid))?.init?.pid;
  }

  async #told<T>(verb: Verb, work: () => Promise<T>): Promise<T> {
    const { report } = this.#context;
    const { ctid } = this;
    report({ type: 'begun', ctid, verb });
    let result: T;
    try {
      result = await work();
    } catch (cause) {
      const error = explainFull(ctid, verb, cause);
      report({ type: 'failed', ctid, verb, error });
      throw error;
    }
    report({ type: 'done', ctid, verb });
    return result;
  }

  #warnPrivileged(): void {
    const message = `container ${this.ctid} is privileged: root inside is root of this host`;
    this.#context.report({ type: 'warning', ctid: this.ctid, message });
  }
}
