/** vzctl console, cella logs, cella events: looking at containers by way of the node service. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../../errors.js';
import type { ServiceClient } from '../../service/client.js';
import { DetachKeys } from '../detach.js';
import type { Io } from '../io.js';
import { printable } from '../printable.js';
import { describeTold } from '../render.js';
import type { Register } from '../session.js';
import { sizeOf } from './enter.js';
import { serviceClient } from './service.js';

export const registerConsole: Register = (program, session) => {
  program
    .command('console')
    .description("attach to a container's console; ESC and then '.' detaches")
    .argument('<ctid>')
    .argument('[tty]', 'accepted for compatibility: there is number 1', '1')
    .action(async (id: string, tty: string) => {
      if (tty !== '1')
        throw new CellaError('BAD_VALUE', `there is no tty ${tty}: a container has one console`);
      const { ctid } = await session.container(id);
      await attend(await serviceClient(session), ctid, session.io);
    });
  program
    .command('logs')
    .description("print what a container's console showed last")
    .argument('<ctid>')
    .option('-f, --follow', 'go on with what comes')
    .option('--raw', 'control characters too: only for those who trust the guest')
    .action(async (id: string, options: { follow?: true; raw?: true }) => {
      const container = await session.container(id);
      const show = (bytes: Uint8Array): boolean =>
        session.io.stdout.write(options.raw ? bytes : printable(bytes));
      const signal = session.interruptible();
      for await (const bytes of container.consoleLog({ follow: options.follow === true, signal }))
        show(bytes);
    });
  program
    .command('events')
    .description('tell what happens to containers, as it happens')
    .option('-j, --json', 'one JSON object a line')
    .action(async (options: { json?: true }) => {
      const { stdout } = session.io;
      const client = await serviceClient(session);
      for await (const event of client.events(session.interruptible()))
        stdout.write(`${options.json ? JSON.stringify(event) : `${event.time} ${describeTold(event)}`}\n`);
    });
};

/** Until it is detached, its input ends, or the service does. */
async function attend(client: ServiceClient, ctid: number, io: Io): Promise<void> {
  const console = await client.console(ctid);
  console.on('error', () => undefined);
  const resize = async (): Promise<void> => {
    const { rows, columns } = sizeOf(io);
    await client.call('PUT', `/v1/containers/${ctid}/console/size`, { rows, columns }).catch(() => undefined);
  };
  const detached = new AbortController();
  const keys = new DetachKeys();
  const type = (bytes: Buffer): void => {
    const { typed, detached: done } = keys.take(bytes);
    if (typed.length > 0 && !console.write(typed)) {
      io.stdin.pause();
      console.once('drain', () => io.stdin.resume());
    }
    if (done) detached.abort();
  };
  // What a pipe said last may still have to be answered.
  const end = (): void => void sleep(200).then(() => detached.abort());
  const stop = [io.onSignal(['SIGWINCH'], () => void resize()), io.onSignal(['SIGTERM', 'SIGHUP'], end)];
  if (io.terminal) {
    await resize();
    io.stderr.write(`Attached to the console of container ${ctid}: ESC and then '.' detaches\n`);
  }
  io.terminal?.setRaw(true);
  console.pipe(io.stdout, { end: false });
  io.stdin.on('data', type).once('end', end);
  try {
    await Promise.race([once(detached.signal, 'abort'), once(console, 'close')]);
  } finally {
    io.terminal?.setRaw(false);
    io.stdin.off('data', type).pause();
    console.destroy();
    for (const each of stop) each();
  }
}
