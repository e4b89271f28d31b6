/** vzctl exec and exec2: a command through the container's shell. */
import type { GuestProcess } from '../../container/guest.js';
import { EXIT } from '../../errors.js';
import type { Io } from '../io.js';
import type { Register } from '../session.js';

export const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

export const registerExec: Register = (program, session) => {
  const add = (name: string, description: string, toStatus: (status: number) => number): void => {
    program
      .command(name)
      .description(description)
      .argument('<ctid>')
      .argument('<command...>', '"-": commands from standard input')
      .passThroughOptions()
      .allowUnknownOption()
      .action(async (id: string, words: readonly string[]) => {
        const container = await session.container(id);
        const argv =
          words.length === 1 && words[0] === '-' ? ['/bin/sh'] : ['/bin/sh', '-c', words.join(' ')];
        session.status = toStatus(await attend(await container.exec(argv), session.io));
      });
  };
  add('exec', 'run a command in a container; 0, or 8 when it failed', (status) =>
    status === 0 ? EXIT.OK : EXIT.COMMAND_FAILED,
  );
  add('exec2', "run a command in a container; the command's own status", (status) => status);
};

export interface AttendOptions {
  readonly input?: boolean;
  /** What a signal to us becomes. */
  readonly kill?: (name: NodeJS.Signals) => void;
}

/** Streams and signals through, until it ends. Returns its status as a shell tells it. */
export async function attend(
  guest: GuestProcess,
  io: Io,
  { input = true, kill = (name) => guest.kill(name) }: AttendOptions = {},
): Promise<number> {
  const stop = io.onSignal(FORWARDED, kill);
  if (input) io.stdin.pipe(guest.stdin);
  const streams = [
    [guest.stdout, io.stdout],
    [guest.stderr, io.stderr],
  ] as const;
  const flushed = streams.map(([from, to]) => {
    from.pipe(to, { end: false });
    // A reader that went away must not stop the command: what it writes is dropped.
    to.once('error', () => from.unpipe(to).resume());
    return new Promise((resolve) => from.once('end', resolve));
  });
  try {
    const { code, signal } = await guest.wait();
    await Promise.all(flushed);
    return code ?? 128 + (signal ?? 0);
  } finally {
    stop();
    if (input) io.stdin.unpipe(guest.stdin);
  }
}
