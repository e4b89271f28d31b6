/** start: from a config to a running init, or back to how it was. */
import { closeSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint, launcherCrashStep } from '../fault.js';
import { openCgroup } from '../host/cgroup/index.js';
import { delegate } from '../host/cgroup/systemd.js';
import type { Keeper } from '../host/keeper.js';
import { guard, prepare, type Stdio } from '../host/launcher.js';
import { umountAll } from '../host/mounts.js';
import { bootId, type ProcessHandle, startTime } from '../host/processes.js';
import { isPrivileged, planStart, type StartPlan } from '../plan/plan-start.js';
import { type RuntimeRecord, removeRecord, writeRecord } from '../state/record.js';
import { requireEmulation } from '../template/foreign.js';
import { withUndo } from '../undo.js';
import { contentsOf } from './area.js';
import { type Context, factsFor, loadConfig, lockContainer, templateOf } from './context.js';
import { expectCgroups } from './guest-systemd.js';
import { openKeeper } from './keeper.js';
import { prepareRoot } from './mount.js';
import { findInit, isRebooting, recover, unmarkRebooting } from './recover.js';
import { applyShares } from './shares.js';

export interface StartOptions {
  /** Starts a disabled container too. */
  readonly force?: boolean;
  /** Gives it a console: a pty at /dev/console, whose other side the caller gets and must keep. */
  readonly console?: boolean;
  /** Only if its guest has asked for a reboot, and nobody has stopped it since: else NOT_RUNNING. */
  readonly ifRebooting?: boolean;
  readonly signal?: AbortSignal;
}

export interface Started {
  readonly init: ProcessHandle;
  readonly config: ContainerConfig;
  readonly privileged: boolean;
  /** Master of the console's pty; -1 without one. */
  readonly console: number;
}

export function planOf(context: Context, ctid: Ctid): StartPlan {
  const config = loadConfig(context, ctid);
  return planStart(config, factsFor(context, config), { layers: contentsOf(context, config) });
}

export async function start(context: Context, ctid: Ctid, options: StartOptions = {}): Promise<Started> {
  using _lock = await lockContainer(context, ctid, 'start', options.signal);
  await recover(context, ctid);
  if (options.ifRebooting && !isRebooting(context, ctid))
    throw new CellaError('NOT_RUNNING', `container ${ctid} does not wait for a reboot`);
  const config = loadConfig(context, ctid);
  if (config.disabled && !options.force) {
    throw new CellaError('DISABLED', `container ${ctid} is disabled`, {
      hint: 'Use --force to start it all the same.',
    });
  }
  using running = findInit(context, ctid);
  if (running) throw new CellaError('ALREADY_RUNNING', `container ${ctid} is already running`);
  const layers = contentsOf(context, config);
  if (!options.force) expectCgroups(context, config, layers);
  // A console of the caller's own is the caller's to keep, like the init.
  using keeper = options.console ? undefined : await openKeeper(context);
  const console = options.console === true || keeper !== undefined;
  const plan = planStart(config, factsFor(context, config), { layers, console });
  const launched = await launch(context, config, plan, { keeper, signal: options.signal });
  unmarkRebooting(context, ctid);
  context.report({ type: 'mounted', ctid });
  return { ...launched, config, privileged: isPrivileged(config) };
}

export interface Launch {
  readonly stdio?: Stdio;
  /** It must not outlive this process. */
  readonly tied?: boolean;
  /** Its parent, which keeps its console too. */
  readonly keeper?: Keeper | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Launched extends Pick<Started, 'init' | 'console'> {
  /** Closing it ends what is tied; -1 for what is not. */
  readonly tie: number;
}

/** Runs the plan under the lock that the caller holds. */
export async function launch(
  context: Context,
  config: ContainerConfig,
  plan: StartPlan,
  { stdio, tied = false, keeper, signal }: Launch = {},
): Promise<Launched> {
  if (config.template !== undefined)
    await requireEmulation(templateOf(context, config.template).manifest.arch);
  await prepareRoot(context, config);
  await umountAll(config.root);
  if (plan.cgroup.delegation) await delegate(plan.cgroup.delegation);
  const path = context.paths.record(config.ctid);
  const intent: RuntimeRecord = {
    version: 1,
    ctid: config.ctid,
    bootId: bootId(),
    root: config.root,
    cgroups: plan.cgroup.directories,
    init: null,
  };
  return withUndo(async (undo) => {
    signal?.throwIfAborted();
    undo.push('write record', () => removeRecord(path));
    writeRecord(path, intent);
    faultPoint('start.intent');
    undo.push('make control groups', () => openCgroup(plan.cgroup).remove());
    undo.push('mount root', () => umountAll(config.root));
    const prepared = await prepare(plan, {
      ...(stdio ? { stdio } : {}),
      keeper,
      crashAt: launcherCrashStep(),
    });
    undo.push('launch init', () => prepared.abandon());
    applyShares(context, config, plan.cgroup);
    faultPoint('start.prepared');
    const tie = tied ? await guard(prepared.init) : -1;
    if (tied) undo.push('tie init to this process', () => closeSync(tie));
    signal?.throwIfAborted();
    const { pid } = prepared.init;
    const init = { pid, startTime: startTime(pid) ?? '', startedAt: Date.now() };
    writeRecord(path, { ...intent, init });
    faultPoint('start.recorded');
    await keeper?.claim(init);
    undo.push('claim init', () => keeper?.forget(init));
    const master = await prepared.release();
    faultPoint('start.done');
    if (!keeper || master < 0) return { init: prepared.init, console: master, tie };
    await keeper.giveConsole(init, master);
    closeSync(master);
    return { init: prepared.init, console: -1, tie };
  });
}
