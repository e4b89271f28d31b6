/** Processes by pidfd, told apart from later owners of the same number by their start time. */
import { closeSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isErrno } from '../errors.js';
import { type Ended, native } from '../native/binding.js';

let boot: string | undefined;

/** This boot's id (random(4)). */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}

/** Field 22 of proc_pid_stat(5), in clock ticks since boot; undefined when the process is gone or a zombie. */
export function startTime(pid: number): string | undefined {
  const stat = native().readKernelFile(`/proc/${pid}/stat`);
  if (stat === null) return undefined;
  // The command may hold spaces and parentheses; what follows the last one does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

const LONG_MS = 2 ** 30;

/** Keeps this process alive until `background` work, which does not do so by itself, has settled. */
export async function attended<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, LONG_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** A process that is kept from becoming another by its pidfd. */
export class ProcessHandle implements Disposable {
  readonly pid: number;
  readonly #fd: number;
  #open = true;

  constructor(pid: number, pidfd: number) {
    this.pid = pid;
    this.#fd = pidfd;
  }

  /** The process of this pid and start time, or undefined when that one is gone. */
  static find(pid: number, started: string): ProcessHandle | undefined {
    const fd = native().openPid(pid);
    if (fd < 0) return undefined;
    // Looked at after the pidfd was opened: if it matches now, the pidfd is of that very process.
    if (startTime(pid) === started) return new ProcessHandle(pid, fd);
    closeSync(fd);
    return undefined;
  }

  get pidfd(): number {
    return this.#fd;
  }

  /** False when it has ended already. */
  kill(signal: NodeJS.Signals | number): boolean {
    if (!this.#open) return false;
    try {
      native().signalPid(this.#fd, typeof signal === 'number' ? signal : constants.signals[signal]);
      return true;
    } catch (error) {
      if (isErrno(error, 'ESRCH')) return false;
      throw error;
    }
  }

  /** Whether the signal would do nothing to the first process of a container, or end any other. */
  leavesToDefault(signal: NodeJS.Signals): boolean {
    const text = native().readKernelFile(`/proc/${this.pid}/status`);
    // Still there, so that was its own.
    if (text === null || !this.#open || !this.kill(0)) return false;
    const bit = 1n << BigInt(constants.signals[signal] - 1);
    return ['SigBlk', 'SigIgn', 'SigCgt'].every((name) => {
      const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(text)?.[1] ?? '0';
      return (BigInt(`0x${mask}`) & bit) === 0n;
    });
  }

  /** How it ended, if it is a child of this process. `background`: does not keep this process alive. */
  wait({ background = false } = {}): Promise<Ended> {
    return native().wait(this.#fd, background);
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}

export interface WatchedEnd {
  readonly ended: Promise<Ended>;
  /** Once it is there. */
  result?: Ended;
}

/** Waits for a child's end from now on, without keeping this process alive. The handle stays the caller's. */
export function watchEnd(child: ProcessHandle): WatchedEnd {
  const watched: WatchedEnd = {
    ended: child.wait({ background: true }).then((result) => {
      watched.result = result;
      return result;
    }),
  };
  return watched;
}
