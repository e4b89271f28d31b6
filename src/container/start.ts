/** start: from a config to a running init, or back to how it was. */
import { closeSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint, launcherCrashStep } from '../fault.js';
import { openCgroup } from '../host/cgroup/index.js';
import { delegate } from '../host/cgroup/systemd.js';
import { PLACES } from '../host/devices.js';
import type { Keeper } from '../host/keeper.js';
import { guard, mountRoot, prepare, type Stdio } from '../host/launcher.js';
import { umountAll, umountTree } from '../host/mounts.js';
import { bootId, type ProcessHandle, startTime } from '../host/processes.js';
import { USUAL } from '../plan/confinement.js';
import { NOTHING } from '../plan/equipment.js';
import { isPrivileged, planMount } from '../plan/plan-root.js';
import { planStart, type StartPlan } from '../plan/plan-start.js';
import type { View } from '../plan/view.js';
import { type RuntimeRecord, readRecord, removeRecord, writeRecord } from '../state/record.js';
import { requireEmulation } from '../template/foreign.js';
import { type Undo, withUndo } from '../undo.js';
import { Actions, takeDown, warn } from './actions.js';
import { admit } from './admission.js';
import { contentsOf } from './area.js';
import { configureForStart, pendingSettings } from './configure.js';
import { type Context, factsFor, loadConfig, lockContainer, templateOf } from './context.js';
import { gather, lookUp } from './given.js';
import { expectCgroups } from './guest-systemd.js';
import { expectLimits } from './honour.js';
import { giveInterfaces, takeBackInterfaces } from './interfaces.js';
import { openKeeper } from './keeper.js';
import { prepareRoot } from './mount.js';
import {
  announceNetwork,
  attachNetwork,
  detachNetwork,
  expectUnclaimed,
  intendNetwork,
  type NetworkIntent,
} from './network.js';
import { networkPlanOf, reserveAddresses } from './network-plan.js';
import { findInit, isRebooting, recover, unmarkRebooting } from './recover.js';
import { applyShares } from './shares.js';
import { withoutState } from './suspended.js';
import { viewOf } from './view.js';

export interface StartOptions {
  /** Starts one that is disabled, whose limits this host cannot hold, or that it has no room for. */
  readonly force?: boolean;
  /** It ran just now: nobody asks whether the host has room for it. */
  readonly again?: boolean;
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

export async function planFor(context: Context, ctid: Ctid): Promise<StartPlan> {
  return planOf(context, ctid, await viewOf(context, loadConfig(context, ctid)));
}

/** `view`: what it sees of itself. */
export function planOf(context: Context, ctid: Ctid, view?: View): StartPlan {
  const config = loadConfig(context, ctid);
  const given = lookUp(config, PLACES);
  const layers = contentsOf(context, config);
  return planStart(config, factsFor(context, config), { layers, given, view });
}

export async function start(context: Context, ctid: Ctid, options: StartOptions = {}): Promise<Started> {
  using _lock = await lockContainer(context, ctid, 'start', options.signal);
  await recover(context, ctid);
  if (options.ifRebooting && !isRebooting(context, ctid))
    throw new CellaError('NOT_RUNNING', `container ${ctid} does not wait for a reboot`);
  const loaded = loadConfig(context, ctid);
  if (loaded.disabled && !options.force) {
    throw new CellaError('DISABLED', `container ${ctid} is disabled`, {
      hint: 'Use --force to start it all the same.',
    });
  }
  using running = findInit(context, ctid);
  if (running) throw new CellaError('ALREADY_RUNNING', `container ${ctid} is already running`);
  const config = await reserveAddresses(context, loaded);
  const layers = contentsOf(context, config);
  if (!options.force) expectCgroups(context, config, layers);
  using admission = isAsked(options)
    ? await admit(context, config, { advice: '"vzctl start --force" starts it', signal: options.signal })
    : undefined;
  // A console of the caller's own is the caller's to keep, like the init.
  using keeper = options.console ? undefined : await openKeeper(context);
  const console = options.console === true || keeper !== undefined;
  const actions = Actions.find(context, config);
  const given = await gather(context, config);
  const plan = planStart(config, factsFor(context, config), {
    layers,
    given,
    view: await viewOf(context, config),
    console,
    mounted: actions?.has('mount') ?? false,
  });
  expectLimits(context, config, plan.cgroup, {
    force: options.force,
    hint: 'Use --force to start it all the same.',
  });
  const network = await intendNetwork(context, networkPlanOf(context, config));
  const launched = await withoutState(context, ctid, () =>
    launch(context, config, plan, {
      actions,
      configure: true,
      network,
      keeper,
      noted: () => admission?.release(),
      signal: options.signal,
    }),
  );
  unmarkRebooting(context, ctid);
  context.report({ type: 'mounted', ctid });
  return { ...launched, config, privileged: isPrivileged(config) };
}

function isAsked({ force = false, again = false, ifRebooting = false }: StartOptions): boolean {
  return !(force || again || ifRebooting);
}

export interface Launch {
  readonly stdio?: Stdio;
  /** It must not outlive this process. */
  readonly tied?: boolean;
  /** Its files get what its configuration says of them, before it runs. */
  readonly configure?: boolean;
  /** Default: nothing but the loopback interface and what it has of the host. */
  readonly network?: NetworkIntent | undefined;
  /** Are run with it. */
  readonly actions?: Actions | undefined;
  /** Its parent, which keeps its console too. */
  readonly keeper?: Keeper | undefined;
  /** Called once its record is written, before anything runs. */
  readonly noted?: (() => void) | undefined;
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
  { stdio, tied = false, configure = false, network, actions, keeper, noted, signal }: Launch = {},
): Promise<Launched> {
  if (config.template !== undefined)
    await requireEmulation(templateOf(context, config.template).manifest.arch);
  await prepareRoot(context, config);
  const failure = await takeDown(context, config, () => umountAll(config.root));
  if (failure) warn(context, config.ctid, failure.message);
  if (plan.cgroup.delegation) await delegate(plan.cgroup.delegation);
  const path = context.paths.record(config.ctid);
  const intent: RuntimeRecord = {
    version: 1,
    ctid: config.ctid,
    bootId: bootId(),
    root: config.root,
    cgroups: plan.cgroup.directories,
    ...(plan.confinement === USUAL ? {} : { confinement: plan.confinement }),
    ...(plan.given === NOTHING ? {} : { given: plan.given }),
    ...(network ? { network: network.record } : {}),
    init: null,
  };
  return withUndo(async (undo) => {
    signal?.throwIfAborted();
    undo.push('write record', () => removeRecord(path));
    writeRecord(path, intent);
    noted?.();
    faultPoint('start.intent');
    if (actions) await mountWithActions(context, config, actions, { plan, undo, signal });
    undo.push('make control groups', () => openCgroup(plan.cgroup).remove());
    // Undone before, what the scripts have mounted would still be in the way.
    if (!mountsBefore(plan)) undo.push('mount root', () => umountAll(config.root));
    const prepared = await prepare(plan, {
      ...(stdio ? { stdio } : {}),
      keeper,
      crashAt: launcherCrashStep(),
    });
    undo.push('launch init', () => prepared.abandon());
    if (network) {
      undo.push('attach network', () => detachNetwork(context, intent));
      await attachNetwork(context, network, prepared.init.pid);
    }
    applyShares(context, config, plan.cgroup);
    const pending = configure ? pendingSettings(context, config) : undefined;
    if (pending) await configureForStart(context, pending);
    if (actions?.has('start')) await prepared.waiting();
    await actions?.run('start', { into: { config, init: prepared.init }, signal });
    faultPoint('start.prepared');
    if (network) await expectUnclaimed(context, config.ctid, network);
    const tie = tied ? await guard(prepared.init) : -1;
    if (tied) undo.push('tie init to this process', () => closeSync(tie));
    signal?.throwIfAborted();
    const { pid } = prepared.init;
    const started = await giveAway(context, intent, plan, pid, undo);
    const init = { pid, startTime: startTime(pid) ?? '', startedAt: Date.now() };
    writeRecord(path, { ...started, init });
    faultPoint('start.recorded');
    await keeper?.claim(init);
    undo.push('claim init', () => keeper?.forget(init));
    const master = await prepared.release();
    if (network) announceNetwork(network);
    actions?.settle();
    faultPoint('start.done');
    if (!keeper || master < 0) return { init: prepared.init, console: master, tie };
    await keeper.giveConsole(init, master);
    closeSync(master);
    return { init: prepared.init, console: -1, tie };
  });
}

/** What the scripts mount below VE_ROOT is to be the container's too: then the root is there before it. */
async function mountWithActions(
  context: Context,
  config: ContainerConfig,
  actions: Actions,
  { plan, undo, signal }: { plan: StartPlan; undo: Undo; signal: AbortSignal | undefined },
): Promise<void> {
  undo.push('note the scripts', () => actions.forget());
  await actions.run('premount', { signal, undo });
  if (!mountsBefore(plan)) return;
  undo.push('mount root', () => umountTree(config.root));
  await mountRoot(planMount(config, contentsOf(context, config)));
  await actions.run('mount', { signal, undo });
}

function mountsBefore({ after }: StartPlan): boolean {
  return after.some(({ op }) => op === 'tree');
}

/** Interfaces of the host, before anything runs that could be waiting for them. */
async function giveAway(
  context: Context,
  record: RuntimeRecord,
  { given }: StartPlan,
  pid: number,
  undo: Undo,
): Promise<RuntimeRecord> {
  if (given.interfaces.length === 0) return record;
  undo.push('give network interfaces', async () => {
    const now = readRecord(context.paths.record(record.ctid));
    if (now) await takeBackInterfaces(context, now);
  });
  return giveInterfaces(context, record, pid, given.interfaces);
}
