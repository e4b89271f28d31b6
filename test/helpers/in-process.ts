/**
 * Commands without a process of their own, for lanes where Node takes a second to start. The host lane runs all of them
 * as its users do; here that holds for those that make processes which outlive them, or are to be killed.
 */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { main, type Program } from '../../dist/cli/main.js';
import { openHost } from '../../dist/container/host.js';
import type { Result } from './sandbox.js';

const VERBS =
  'create destroy exec exec2 list mount quotaon set snapshot snapshot-delete snapshot-list snapshot-switch start status stop umount'.split(
    ' ',
  );
const WHOLE = ['vzlist', 'vzpid', 'vzps', 'vznetstat'];

export function canRunHere(command: Program | 'cella', [verb = '']: readonly string[]): command is Program {
  if (process.env.CELLA_LANE !== 'vm') return false;
  return WHOLE.includes(command) || (command === 'vzctl' && VERBS.includes(verb));
}

export async function runHere(
  command: Program,
  args: readonly string[],
  { rootDir, input }: { readonly rootDir: string; readonly input: string },
): Promise<Result> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const written = Promise.all([text(stdout), text(stderr)]);
  stdin.end(input);
  const code = await main(command, [...args], openHost, {
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
