/** Settings of the kernel that are other ones for a moment, and are set back whatever becomes of us. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const HOLD = 'read -r old < "$1"; echo "$2" > "$1"; echo; read -r _; echo "$old" > "$1"';

export interface HeldSetting extends AsyncDisposable {
  /** Settles when it is set, or could not be. */
  readonly ready: Promise<unknown>;
  /** Sets it back; again does nothing. */
  letGo(): Promise<unknown>;
}

/** One after the other holds it. */
export function holdSetting(path: string, value: string): HeldSetting {
  // In a session of its own: a Ctrl-C at our terminal is not for it.
  const child = spawn('flock', [path, 'sh', '-c', HOLD, 'sh', path, value], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  child.stdin.on('error', () => undefined);
  const over = new Promise((resolve) => child.on('error', resolve).on('exit', resolve));
  let isHeld = false;
  const held = once(child.stdout, 'data').then(() => {
    isHeld = true;
  });
  held.catch(() => undefined);
  const letGo = (): Promise<unknown> => {
    child.stdin.destroy();
    // It waits for others, and need not any more.
    if (!isHeld) child.kill();
    return over;
  };
  return {
    ready: Promise.race([held, over]),
    letGo,
    [Symbol.asyncDispose]: async () => void (await letGo()),
  };
}

/**
 * Has Linux interrupt processors where it would wait until each has passed by by itself (kernel-parameters.txt,
 * rcupdate.rcu_expedited): mounts, control groups and packet filters are changed in a fraction of the time.
 */
export function hurry(): HeldSetting {
  return holdSetting('/sys/kernel/rcu_expedited', '1');
}
