/** One flock per container, and one for allocating ids: who holds it, and what for, is written inside. */
import { closeSync, ftruncateSync, mkdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abort.js';
import { CellaError, isErrno, isFull } from '../errors.js';
import { native } from '../native/binding.js';

/** As patient as vzctl: a short verb of somebody else is waited for, a long one is not. */
const PATIENCE: Patience = { attempts: 4, pauseMs: 500 };

export interface Patience {
  readonly attempts: number;
  readonly pauseMs: number;
}

/** The lock for allocating ids, by name. */
export const ALLOCATION = 'ids';

/** By name the lock of whoever has asked for room on the host and not yet written down that it is taken. */
export const ADMISSION = 'admission';

/** By name the lock of whoever runs the one command of a container, for as long as that takes. */
export function commandLock(ctid: number): string {
  return `${ctid}.run`;
}

export interface LockRequest {
  readonly directory: string;
  /** File name without suffix: a CTID, or what is allocated. */
  readonly name: string;
  /** What the lock is held for, for those who find it taken. */
  readonly verb: string;
  readonly signal?: AbortSignal | undefined;
  /** Default: four attempts in two seconds. */
  readonly patience?: Patience;
}

export interface Lock extends Disposable {
  release(): void;
}

export async function takeLock(request: LockRequest): Promise<Lock> {
  const path = `${request.directory}/${request.name}.lck`;
  const { attempts, pauseMs } = request.patience ?? PATIENCE;
  for (let attempt = 1; ; attempt += 1) {
    const lock = tryLock(path, request.verb);
    if (lock) return lock;
    if (attempt === attempts)
      throw new CellaError('LOCKED', `${subject(request.name)} is locked by ${holder(path)}`);
    await abortable(sleep(pauseMs), request.signal);
  }
}

/** Without waiting for it; undefined when somebody has it. */
export function takeFreeLock({ directory, name, verb }: LockRequest): Lock | undefined {
  return tryLock(`${directory}/${name}.lck`, verb);
}

/** Whether nobody holds the lock now. */
export function isFree(directory: string, name: string): boolean {
  const lock = tryLock(`${directory}/${name}.lck`, 'look');
  lock?.release();
  return lock !== undefined;
}

function tryLock(path: string, verb: string): Lock | undefined {
  let fd: number;
  try {
    fd = native().lock(path);
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined;
    if (!isErrno(error, 'ENOENT')) throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    fd = native().lock(path);
  }
  sign(fd, verb);
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    // Unlinked while still locked; who opened it meanwhile sees that the name is gone and tries again.
    unlinkSync(path);
    closeSync(fd);
  };
  return { release, [Symbol.dispose]: release };
}

/** For those who find it taken; on a full disk they are not told, so that space can still be made by a destroy. */
function sign(fd: number, verb: string): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n${verb}\n`, 0);
  } catch (error) {
    if (isFull(error)) return;
    closeSync(fd);
    throw error;
  }
}

function subject(name: string): string {
  const ctid = /^(\d+)(?:\.run)?$/.exec(name)?.[1];
  return ctid === undefined ? name : `container ${ctid}`;
}

function holder(path: string): string {
  try {
    const [pid, verb] = readFileSync(path, 'utf8').split('\n');
    const command = readFileSync(`/proc/${Number(pid)}/cmdline`, 'utf8')
      .split('\0')
      .join(' ')
      .trim();
    return `process ${pid} (${verb}): ${command}`;
  } catch {
    // It let go between our try and our look, or is not ours to see.
    return 'another process';
  }
}
