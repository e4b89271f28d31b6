/** What a container may have of things that nothing but a mount, a limit of processes or a sysctl limits. */
import type { Counts, Resources } from '../config/resources.js';
import { UNLIMITED } from '../config/units.js';
import type { InsideStep } from './launch-plan.js';

/** What the kernel takes at most (NR_UNIX98_PTY_MAX; SHMMAX and SHMALL are of this height by default). */
const MAX_PTYS = 1_048_576n;
const MAX_SHARED = (1n << 64n) - 1n - (1n << 24n);

const PAGE = 4096n;

/** As systemd has it on a machine of its own (mount-setup.c there); a small container's systemd needs some MiB. */
const RUN_SHARE = 5n;
const MIN_RUN = 16n << 20n;

/** The mounts with the sizes that were asked for, or that its memory allows; and sysctls of its own of shared memory. */
export function limitMounts(
  steps: readonly InsideStep[],
  { ram, counts }: Pick<Resources, 'ram' | 'counts'>,
): readonly InsideStep[] {
  const { ptys, sharedMemory } = counts;
  return steps.flatMap((step): readonly InsideStep[] => {
    if (step.op !== 'mount') return [step];
    // While /proc/sys is still written to.
    if (step.path === '/proc') return [step, ...sharedSysctls(sharedMemory)];
    if (step.path === '/dev/pts' && ptys !== undefined)
      return [withOption(step, 'max', least(ptys, MAX_PTYS))];
    if (step.path === '/run' && ram !== undefined)
      return [withOption(step, 'size', greatest(ram / RUN_SHARE, MIN_RUN))];
    if (step.path === '/dev/shm' && isLimit(sharedMemory)) return [withOption(step, 'size', sharedMemory)];
    return [step];
  });
}

/** The steps that confine a process, with limits of its own in place of the usual ones. */
export function limitProcesses(steps: readonly InsideStep[], counts: Counts): readonly InsideStep[] {
  const { openFiles, lockedMemory, pendingSignals } = counts;
  const limits = [
    // Programs get more than the usual 1024 only where they ask for it.
    ...rlimit('nofile', openFiles, 1024),
    ...rlimit('memlock', lockedMemory),
    ...rlimit('sigpending', pendingSignals),
  ];
  const isReplaced = (step: InsideStep): boolean =>
    step.op === 'rlimit' && limits.some(({ resource }) => resource === step.resource);
  return limits.length === 0 ? steps : [...limits, ...steps.filter((step) => !isReplaced(step))];
}

type Rlimit = Extract<InsideStep, { op: 'rlimit' }>;

function rlimit(
  resource: Rlimit['resource'],
  limit: bigint | undefined,
  soft = Number.POSITIVE_INFINITY,
): readonly Rlimit[] {
  if (limit === undefined) return [];
  const hard = limit === UNLIMITED ? Number.POSITIVE_INFINITY : Number(limit);
  return [{ op: 'rlimit', resource, soft: Math.min(soft, hard), hard }];
}

function sharedSysctls(bytes: bigint | undefined): readonly InsideStep[] {
  if (!isLimit(bytes)) return [];
  return [
    { op: 'sysctl', path: '/proc/sys/kernel/shmmax', value: String(least(bytes, MAX_SHARED)) },
    { op: 'sysctl', path: '/proc/sys/kernel/shmall', value: String(bytes / PAGE) },
  ];
}

type Mount = Extract<InsideStep, { op: 'mount' }>;

function withOption(step: Mount, name: string, value: bigint): Mount {
  return { ...step, options: { ...step.options, [name]: String(value) } };
}

function isLimit(value: bigint | undefined): value is bigint {
  return value !== undefined && value !== UNLIMITED;
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
