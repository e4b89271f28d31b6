// A command of ours without a process of its own.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { load } from '../../dist/bin/load.cjs';

const { main, openHost } = load().commands;

export async function runMain(program, args, { rootDir, input }) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const written = Promise.all([text(stdout), text(stderr)]);
  stdin.end(input);
  const code = await main(program, [...args], openHost, {
    stdin,
    stdout,
    stderr,
    env: { ...process.env, CELLA_ROOT: rootDir },
    onSignal: () => () => undefined,
    columns: () => undefined,
    terminal: undefined,
  });
  stdout.end();
  stderr.end();
  const [out, errors] = await written;
  return { code, signal: null, stdout: out, stderr: errors };
}
