/** run: a container for one command, which is its first process and all that it is for. */
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import type { Change } from '../disk/changes.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { NO_STDIO, type Stdio } from '../host/launcher.js';
import type { Ended } from '../native/binding.js';
import type { Command } from '../plan/command.js';
import { ID_COUNT, idMapOf } from '../plan/plan-root.js';
import { planStart } from '../plan/plan-start.js';
import type { Lock } from '../state/lock.js';
import type { Template } from '../template/cache.js';
import { resolveUser } from '../template/user.js';
import { withUndo } from '../undo.js';
import { admit } from './admission.js';
import { contentsOf } from './area.js';
import { changesLocked, expectOverlay } from './changes.js';
import { type Context, factsFor, loadConfig, lockContainer, templateOf } from './context.js';
import { type CreateOptions, createLocked, expectFree } from './create.js';
import { FirstProcess } from './first-process.js';
import { gather } from './given.js';
import { type GuestProcess, type GuestTerminal, type Owner, withPipes } from './guest.js';
import { expectLimits } from './honour.js';
import { intendNetwork } from './network.js';
import { networkPlanOf, reserveAddresses } from './network-plan.js';
import { recover, sweep } from './recover.js';
import { launch } from './start.js';
import { abandoned, discard, markThrowaway, reserve, unmark } from './throwaway.js';
import { viewOf } from './view.js';

export interface RunOptions extends Partial<Omit<CreateOptions, 'ostemplate'>> {
  readonly template: string;
  /** Default: what the template's image runs. */
  readonly command?: readonly string[];
  /** Default: a free one from 1,000,000 on. */
  readonly ctid?: Ctid | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** As the template's own files name them: user, uid, user:group, uid:gid. Default: the image's, or root. */
  readonly user?: string | undefined;
  /** Default: the image's, or "/". */
  readonly cwd?: string | undefined;
  /** Gives the command a terminal of this size, in place of pipes. */
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  /** Once the command has ended nothing is left of the container. */
  readonly remove?: boolean;
  /** Has `wait` tell what was changed. */
  readonly diff?: boolean;
}

export interface RunEnded extends Ended {
  /** Where it was asked for. */
  readonly changes?: readonly Change[];
}

/** Behind pipes, or behind a terminal where that was asked for. */
export type RunEnds =
  | { readonly pipes: GuestProcess; readonly terminal?: undefined }
  | { readonly pipes?: undefined; readonly terminal: GuestTerminal };

/** Ends with this process, however that ends. */
export type RunningCommand = RunEnds & {
  readonly ctid: Ctid;
  /**
   * Sends a signal as if the command were no container's first process, for which the kernel drops what it does not
   * handle: that ends it. SIGINT and SIGTERM end it after a while in any case, or when they come once more.
   */
  ask(signal: NodeJS.Signals): void;
  /** Settles when it has ended, and with `remove` all that there was of it is gone. */
  wait(): Promise<RunEnded>;
};

/** As patient as other runtimes; --stop-timeout for others. */
const PATIENCE_SECONDS = 10;

export async function run(context: Context, options: RunOptions): Promise<RunningCommand> {
  await clearAbandoned(context);
  const template = templateOf(context, options.template);
  const command = commandOf(template, options);
  const { ctid, lock } = await reserve(context, options.ctid, options.signal);
  try {
    return await begin(context, { ctid, lock, command, options });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What runtimes left that were killed. Those that somebody else is just looking at are left to them. */
async function clearAbandoned(context: Context): Promise<void> {
  for (const ctid of abandoned(context)) {
    try {
      using _lock = await lockContainer(context, ctid, 'run');
      await recover(context, ctid);
    } catch (error) {
      if (!(error instanceof CellaError) || error.code !== 'LOCKED') throw error;
    }
  }
}

function commandOf({ name, layers, manifest }: Template, options: RunOptions): Command {
  const { argv, env, user, cwd } = manifest.command ?? { argv: [], env: [], user: '', cwd: '/' };
  const words = options.command?.length ? options.command : argv;
  if (words.length === 0)
    throw new CellaError('MISSING_ARGUMENT', `template '${name}' names no command`, { hint: 'Give one.' });
  const directory = options.cwd ?? cwd;
  if (!directory.startsWith('/'))
    throw new CellaError('BAD_VALUE', `'${directory.slice(0, 64)}' is no absolute path`);
  const who = options.user ?? user;
  const identity = who === '' ? undefined : resolveUser(layers, who);
  const login = identity && { HOME: identity.home, USER: identity.name, LOGNAME: identity.name };
  return {
    argv: words,
    env: { ...login, ...variables(env), ...options.env },
    ...(identity ? { user: { uid: identity.uid, gid: identity.gid, groups: identity.groups } } : {}),
    cwd: directory,
    terminal: options.terminal !== undefined,
  };
}

function variables(env: readonly string[]): Record<string, string> {
  const pairs = env.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

interface Run {
  readonly ctid: Ctid;
  /** Says that this process runs the command. */
  readonly lock: Lock;
  readonly command: Command;
  readonly options: RunOptions;
}

/** A container whose command did not begin is not kept, with or without `remove`. */
async function begin(context: Context, run: Run): Promise<RunningCommand> {
  const { ctid, options } = run;
  using _lock = await lockContainer(context, ctid, 'run', options.signal);
  await recover(context, ctid);
  expectFree(context, ctid);
  return await withUndo(async (undo) => {
    undo.push('make container', () => discard(context, ctid));
    markThrowaway(context, ctid);
    faultPoint('run.marked');
    const { template, changes = new Map<string, string>() } = options;
    const { privileged } = await createLocked(context, ctid, { ...options, ostemplate: template, changes });
    if (privileged) warnPrivileged(context, ctid);
    const config = await reserveAddresses(context, loadConfig(context, ctid));
    if (options.diff) expectOverlay(config);
    using admission = await admit(context, config, { signal: options.signal });
    const running = await start(context, config, run, () => admission?.release());
    if (!options.remove) unmark(context, ctid);
    faultPoint('run.running');
    return running;
  });
}

async function start(
  context: Context,
  config: ContainerConfig,
  run: Run,
  noted: () => void,
): Promise<RunningCommand> {
  const { command, options } = run;
  expectIds(config, command);
  const plan = planStart(config, factsFor(context, config), {
    layers: contentsOf(context, config),
    command,
    given: await gather(context, config),
    view: await viewOf(context, config),
    volatile: options.remove ?? false,
  });
  expectLimits(context, config, plan.cgroup, {
    hint: 'Set these to unlimited in a sample of its own, and name it with --config.',
  });
  const network = await intendNetwork(context, networkPlanOf(context, config));
  const begun = async (stdio: Stdio): Promise<FirstProcess> => {
    const launched = await launch(context, network ? withNames(config) : config, plan, {
      stdio,
      tied: true,
      configure: true,
      network,
      noted,
      signal: options.signal,
    });
    return new FirstProcess(launched, patienceOf(options));
  };
  const finish = (first: FirstProcess): Promise<RunEnded> => finished(context, run, first);
  const { terminal: size } = options;
  if (size) {
    const first = await begun(NO_STDIO);
    return handleOf(config.ctid, first, { terminal: first.openTerminal(size) }, finish(first));
  }
  let first: FirstProcess | undefined;
  const pipes = await withPipes(
    async (stdio) => {
      first = await begun(stdio);
      return first;
    },
    undefined,
    ownerOf(config, command),
  );
  if (!first) throw new CellaError('SYSTEM', 'the command did not begin');
  return handleOf(config.ctid, first, { pipes }, finish(first));
}

/** A command begins at once, and nobody writes files for it before that: it asks whom the host asks. */
function withNames(config: ContainerConfig): ContainerConfig {
  const { nameservers = 'inherit', searchdomains = 'inherit' } = config;
  return { ...config, nameservers, searchdomains };
}

function handleOf(ctid: Ctid, first: FirstProcess, ends: RunEnds, end: Promise<RunEnded>): RunningCommand {
  // Told to those who wait.
  end.catch(() => undefined);
  return { ctid, ...ends, ask: (signal) => first.ask(signal), wait: () => end };
}

/** Clears up after the command, whatever becomes of it. */
async function finished(
  context: Context,
  { ctid, lock, options }: Run,
  first: FirstProcess,
): Promise<RunEnded> {
  try {
    const ended = await first.ended;
    faultPoint('run.ended');
    using _lock = await lockContainer(context, ctid, 'run');
    await sweep(context, ctid);
    try {
      return options.diff ? { ...ended, changes: await changesLocked(context, ctid) } : ended;
    } finally {
      if (options.remove) await discard(context, ctid);
    }
  } finally {
    first.untie();
    lock.release();
  }
}

function patienceOf({ changes }: RunOptions): number {
  return Number(changes?.get('STOP_TIMEOUT') ?? 0) || PATIENCE_SECONDS;
}

/** Ids past the container's range are nobody's there. */
function expectIds(config: ContainerConfig, { user }: Command): void {
  if (!user || idMapOf(config) === null) return;
  const far = [user.uid, user.gid, ...user.groups].find((id) => id >= ID_COUNT);
  if (far === undefined) return;
  throw new CellaError('BAD_VALUE', `id ${far} is past the ${ID_COUNT} ids that a container has`);
}

function ownerOf(config: ContainerConfig, { user }: Command): Owner {
  const ids = idMapOf(config);
  return { uid: (ids?.uid ?? 0) + (user?.uid ?? 0), gid: (ids?.gid ?? 0) + (user?.gid ?? 0) };
}

function warnPrivileged({ report }: Context, ctid: Ctid): void {
  const message = `container ${ctid} is privileged: root inside is root of this host`;
  report({ type: 'warning', ctid, message });
}
