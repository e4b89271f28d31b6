/** vzctl enter: a shell on a terminal of the container's own. */
import type { GuestTerminal } from '../../container/guest.js';
import type { Io } from '../io.js';
import type { Register } from '../session.js';

const DEFAULT_SIZE = { rows: 24, columns: 80 };

export const registerEnter: Register = (program, session) => {
  program
    .command('enter')
    .description('a root shell in a container')
    .argument('<ctid>')
    .option('--exec <command>', 'type this first')
    .action(async (id: string, options: { exec?: string }) => {
      const { io } = session;
      const container = await session.container(id);
      const guest = await container.enter({
        ...sizeOf(io),
        ...(options.exec === undefined ? {} : { command: options.exec }),
        ...(io.env.TERM === undefined ? {} : { term: io.env.TERM }),
      });
      session.status = await attendTerminal(guest, io);
    });
};

/** That of our terminal, or what terminals begin with. */
export function sizeOf(io: Io): { readonly rows: number; readonly columns: number } {
  return io.terminal?.size() ?? DEFAULT_SIZE;
}

/** Typing and output through, until it ends. Returns its status as a shell tells it. */
export async function attendTerminal(guest: GuestTerminal, io: Io): Promise<number> {
  const resize = (): void => {
    const { rows, columns } = sizeOf(io);
    guest.resize(rows, columns);
  };
  const stop = [
    io.onSignal(['SIGWINCH'], resize),
    // An interactive shell ignores SIGTERM; a terminal that goes away is SIGHUP.
    io.onSignal(['SIGTERM', 'SIGHUP'], () => guest.kill('SIGHUP')),
  ];
  io.terminal?.setRaw(true);
  // Not events.once(): that would fail with the EIO by which a terminal ends.
  const closed = new Promise((resolve) => guest.terminal.once('close', resolve));
  // End of a piped input is Ctrl-D to a terminal.
  if (!io.terminal) io.stdin.once('end', () => guest.terminal.write('\u0004'));
  io.stdin.pipe(guest.terminal, { end: false });
  guest.terminal.pipe(io.stdout, { end: false });
  try {
    const { code, signal } = await guest.wait();
    // What it wrote last comes before the end of the terminal; a process in the background may keep that open.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
    return code ?? 128 + (signal ?? 0);
  } finally {
    io.terminal?.setRaw(false);
    io.stdin.unpipe(guest.terminal);
    guest.terminal.destroy();
    for (const end of stop) end();
  }
}
