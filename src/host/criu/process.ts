/**
 * CRIU as a process of ours or, where that one is to be the parent of what it restores, of the keeper. It sees at once when
 * this process is gone, whoever's it is.
 */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { CellaError } from '../../errors.js';
import { criuPath, native } from '../../native/binding.js';
import { encodePlan } from '../../plan/encode.js';
import { planProgram } from '../../plan/plan-start.js';
import type { Keeper } from '../keeper.js';
import { NO_STDIO } from '../launcher.js';
import { ProcessHandle } from '../processes.js';

export interface Starting {
  readonly program: string;
  /** A process in whose time namespace it is to run: CRIU dumps none that is not its own, and each restore makes one. */
  readonly timeOf?: number | undefined;
  /** Is open as long as it lives, for whoever waits for it to be gone. */
  readonly alive?: Writable | undefined;
  /** Descriptors of ours that it gets: the first as FIRST_GIVEN, and so on. It is killed with us then. */
  readonly given?: readonly number[] | undefined;
}

export const FIRST_GIVEN = 5;

export interface CriuProcess {
  readonly pid: number;
  readonly socket: number;
  kill(): void;
  /** With what has kept it from being run. */
  readonly ended: Promise<Error | undefined>;
  /** null: it has ended. */
  receive(): Promise<{ readonly bytes: Buffer; readonly fd: number } | null>;
}

// Its own log has all that it says (log_file).
const ARGUMENTS = ['--no-default-config', 'swrk', '3'] as const;

export function startCriu({ program, timeOf, alive, given = [] }: Starting): CriuProcess {
  const [socket, theirs] = native().messagePair();
  const argv = [program, ...ARGUMENTS];
  if (timeOf !== undefined) argv.unshift('nsenter', `--time=/proc/${timeOf}/ns/time`);
  if (given.length > 0) argv.unshift('setpriv', '--pdeathsig', 'KILL');
  const [command = program, ...args] = argv;
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'ignore', theirs, alive ?? 'ignore', ...given],
    env: { ...process.env, PATH: criuPath() },
  });
  closeSync(theirs);
  const ended = new Promise<Error | undefined>((resolve) => {
    child.on('error', resolve);
    child.on('exit', () => resolve(undefined));
  });
  return {
    pid: child.pid ?? 0,
    socket,
    kill: () => void child.kill('SIGKILL'),
    ended,
    receive: () => native().receiveMessage(socket),
  };
}

export async function startKeptCriu(program: string, keeper: Keeper): Promise<CriuProcess> {
  const plan = planProgram([program, ...ARGUMENTS], [`PATH=${criuPath()}`]);
  const { pid, pidfd, control } = await native()
    .spawn(encodePlan(plan), NO_STDIO, -1, keeper.socket)
    .catch((cause: unknown) => {
      throw new CellaError('SYSTEM', 'criu cannot be run', { cause });
    });
  const handle = new ProcessHandle(pid, pidfd);
  const ended = handle.wait().then(() => {
    handle[Symbol.dispose]();
    return undefined;
  });
  return {
    pid,
    socket: control,
    kill: () => void handle.kill('SIGKILL'),
    ended,
    receive: async () => {
      for (;;) {
        const message = await native().receiveMessage(control);
        const said = message?.bytes[0];
        if (said === FAILED) return null;
        if (said !== READY) return message;
      }
    },
  };
}

/** What the launcher says before it is CRIU, and the keeper afterwards (native/core/protocol.h): CRIU's all begin with 8. */
const READY = 5;
const FAILED = 6;
