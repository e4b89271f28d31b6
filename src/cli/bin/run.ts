/** Runs main() with the process that the shell started. */
import { openHost } from '../../container/host.js';
import type { Io } from '../io.js';
import { main, type Program } from '../main.js';

export async function run(name: Program): Promise<void> {
  const status = await main(name, process.argv.slice(2), openHost, processIo());
  // Not left to the event loop: an idle standard input would hold it open.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
}

function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  // A reader that went away is no crash of ours.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  return {
    stdin,
    stdout,
    stderr,
    env,
    onSignal: (names, handler) => {
      for (const name of names) process.on(name, handler);
      return () => {
        for (const name of names) process.off(name, handler);
      };
    },
    columns: () => (stdout.isTTY ? stdout.columns : undefined),
    terminal: stdin.isTTY
      ? {
          setRaw: (raw) => void stdin.setRawMode(raw),
          size: () => ({ rows: stdout.rows ?? 24, columns: stdout.columns ?? 80 }),
        }
      : undefined,
  };
}
