/** Carries plans out: one run of the native launcher each. */
import { closeSync } from 'node:fs';
import { CellaError, type ErrorCode } from '../errors.js';
import { type Born, native } from '../native/binding.js';
import { describeStep, stepAt } from '../plan/describe.js';
import { encodePlan } from '../plan/encode.js';
import type { LaunchPlan, Step } from '../plan/launch-plan.js';
import { GUARD } from '../plan/plan-start.js';
import type { Keeper } from './keeper.js';
import { ProcessHandle } from './processes.js';

/** Say::Go of native/core/protocol.h. */
const GO = 3;

export type Stdio = readonly [number, number, number];

/** The null device for all three. */
export const NO_STDIO: Stdio = [-1, -1, -1];

export interface LaunchOptions {
  readonly stdio?: Stdio;
  /** Becomes its parent in our place; the null device is its stdio then. */
  readonly keeper?: Keeper | undefined;
  /** Test hook: the step before which the launcher dies. */
  readonly crashAt?: number | undefined;
}

/** A container's first process, made but held back. */
export interface Prepared {
  readonly init: ProcessHandle;
  /** Settles when all is ready for its program: the container can be entered. */
  waiting(): Promise<void>;
  /** Lets it go; settles when its program runs, with the master of its console's pty or -1. */
  release(): Promise<number>;
  /** Ends it before it ever ran. */
  abandon(): Promise<void>;
}

export async function prepare(plan: LaunchPlan, options: LaunchOptions = {}): Promise<Prepared> {
  const born = await native()
    .spawn(
      encodePlan(plan, { crashAt: options.crashAt }),
      options.stdio ?? NO_STDIO,
      -1,
      options.keeper?.socket,
    )
    .catch((error: unknown) => {
      throw launchError(plan, error);
    });
  const init = new ProcessHandle(born.pid, born.pidfd);
  let control: number | undefined = born.control;
  let { terminal } = born;
  return {
    init,
    waiting: async () => {
      if (control === undefined || born.waiting) return;
      const socket = control;
      control = undefined;
      const held = await native()
        .untilWaiting(socket)
        .catch((error: unknown) => {
          throw launchError(plan, error);
        });
      control = held.control;
      terminal = Math.max(terminal, held.terminal);
    },
    release: async () => {
      if (control === undefined) return -1;
      const socket = control;
      control = undefined;
      const running = await native()
        .release(socket)
        .catch((error: unknown) => {
          throw launchError(plan, error);
        });
      // The console is handed over some time before it runs: it may have come with either answer.
      const master = Math.max(terminal, running.terminal);
      terminal = -1;
      return master;
    },
    abandon: async () => {
      if (control !== undefined) closeSync(control);
      control = undefined;
      if (terminal >= 0) closeSync(terminal);
      terminal = -1;
      init.kill('SIGKILL');
      await init.wait();
      init[Symbol.dispose]();
    },
  };
}

/** Ends the process when this one is gone, however that ends, or when the descriptor that it returns is closed. */
export async function guard(process: ProcessHandle): Promise<number> {
  const { control } = await native()
    .spawn(encodePlan(GUARD), NO_STDIO, process.pidfd)
    .catch((error: unknown) => {
      throw launchError(GUARD, error);
    });
  return control;
}

/** Has `guard` end nothing any more. */
export function dismiss(guarding: number): void {
  const word = Buffer.alloc(16);
  word.writeUInt32LE(GO);
  native().sendMessage(guarding, word);
  closeSync(guarding);
}

/** Mounts only: the child was there to lend its user namespace. */
export async function mountRoot(plan: LaunchPlan, options: LaunchOptions = {}): Promise<void> {
  const prepared = await prepare(plan, options);
  await prepared.abandon();
}

export async function enter(plan: LaunchPlan, stdio: Stdio, into: ProcessHandle): Promise<Born> {
  return native()
    .enter(encodePlan(plan, { target: into.pid }), stdio, into.pidfd)
    .catch((error: unknown) => {
      throw launchError(plan, error);
    });
}

/** Names the step, and what to do about the failures that people meet. */
function launchError(plan: LaunchPlan, error: unknown): CellaError {
  const { code, step } = error as { code?: string; step?: number };
  const what = step === undefined ? 'start the launcher' : (describeStep(plan, step) ?? `do step ${step}`);
  const { exit, why, hint } = explain(step === undefined ? undefined : stepAt(plan, step), code);
  return new CellaError(exit, `cannot ${what}: ${why ?? code ?? 'unknown error'}`, {
    cause: error,
    ...(hint ? { hint } : {}),
  });
}

interface Explanation {
  readonly exit: ErrorCode;
  /** Instead of the errno. */
  readonly why?: string;
  readonly hint?: string;
}

function explain(step: Step | undefined, code: string | undefined): Explanation {
  if (step?.op === 'exec') return { exit: 'BROKEN_CONTAINER' };
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  if (full && (step?.op === 'overlay' || step?.op === 'image'))
    return { exit: 'NO_SPACE', why: 'no space is left' };
  if (step?.op === 'overlay') return explainOverlay(code);
  if (step?.op === 'image') return explainImage(code);
  if (code === 'ENOSYS') return { exit: 'UNSUPPORTED_KERNEL', hint: 'Use Linux 5.19 or newer.' };
  return { exit: 'SYSTEM' };
}

const IMAGE_HINTS: Readonly<Record<string, string>> = {
  EBUSY: 'It is in use: see which loop device has it with "losetup --associated FILE".',
  EINVAL: 'The kernel log says why; its file system has to know all of --mount_opts.',
};

function explainImage(code: string | undefined): Explanation {
  if (code === 'ENOENT') return { exit: 'IMAGE_MISSING' };
  if (code === 'ENXIO')
    return {
      exit: 'NO_RESOURCES',
      why: 'no loop device is left',
      hint: 'Give this host more of them, or stop containers whose private areas are disk images: see "losetup --list".',
    };
  const hint = IMAGE_HINTS[code ?? ''];
  return { exit: 'MOUNT_FAILED', ...(hint === undefined ? {} : { hint }) };
}

function explainOverlay(code: string | undefined): Explanation {
  if (code !== 'EINVAL' && code !== 'EOPNOTSUPP') return { exit: 'MOUNT_FAILED' };
  return {
    exit: 'MOUNT_FAILED',
    hint: 'The file system of the private area or of the template may not support idmapped mounts or overlay layers: move them to ext4, xfs or btrfs, or create the container with --local_uid 0.',
  };
}
