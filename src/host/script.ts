/** Action scripts on the host: whether one may be run, running it, and ending all that it has started. */
import { spawn } from 'node:child_process';
import { closeSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError, isErrno } from '../errors.js';
import { type Ended, native } from '../native/binding.js';
import { TOKEN } from '../plan/action-scripts.js';
import type { Stdio } from './launcher.js';

/** Nobody but root may have a say in what root runs. */
export function expectTrusted(path: string): void {
  for (const at of [path, dirname(path)]) {
    const { uid, mode } = statSync(at);
    if (uid === 0 && (mode & 0o022) === 0) continue;
    throw new CellaError('SCRIPT_FAILED', `'${at}' is not root's alone to change: '${path}' is not run`, {
      hint: `Look at it, then: chown root '${at}'; chmod go-w '${at}'`,
    });
  }
  if ((statSync(path).mode & 0o100) === 0)
    throw new CellaError('SCRIPT_FAILED', `'${path}' cannot be executed`, { hint: `chmod u+x '${path}'` });
}

/** Whether there is a script; a directory or whatever else of that name is none. */
export function isScript(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

export interface ScriptProcess {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** It and those of its children that are still in its process group. */
  kill(signal: NodeJS.Signals): void;
}

/** A session of its own, which a Ctrl-C at the terminal does not reach; its first process ends with this one. */
export async function spawnScript(
  path: string,
  { env, stdio }: { readonly env: Readonly<Record<string, string>>; readonly stdio: Stdio },
): Promise<ScriptProcess> {
  native().closeOnExec();
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', path], {
    detached: true,
    cwd: '/',
    env,
    stdio: [...stdio],
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on('exit', (code, signal) => resolve({ code, signal: signal && constants.signals[signal] })),
  );
  await new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject));
  const pid = child.pid ?? 0;
  return { pid, ended, kill: (signal) => killGroup(pid, signal) };
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}

const ROUNDS = 500;

/** Ends whatever was started with that token, in whichever session it is by now. */
export async function endMarked(token: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = marked(token);
    if (left.length === 0) return;
    for (const pid of left) kill(pid, token);
    await sleep(2);
  }
}

/** By pidfd: looked at once more, it is no other process of the same number. */
function kill(pid: number, token: string): void {
  const fd = native().openPid(pid);
  if (fd < 0) return;
  try {
    if (isMarked(pid, token)) native().signalPid(fd, constants.signals.SIGKILL);
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  } finally {
    closeSync(fd);
  }
}

function marked(token: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isMarked(pid, token));
}

/** A zombie has no environment any more. */
function isMarked(pid: number, token: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${TOKEN}=${token}`);
  } catch (error) {
    // It is gone, or not ours to see.
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return false;
    throw error;
  }
}
