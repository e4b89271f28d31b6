/** Two root directories as two hosts, and a stand-in for ssh: what it is to run there it runs here. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { commandIn, type Machine } from './networks.js';
import { CLI, type Result, type Sandbox } from './sandbox.js';

const SSH = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*"
`;

const BROKEN = new URL('broken-ssh.mjs', import.meta.url).pathname;

export interface Move {
  readonly from: Sandbox;
  readonly to: Sandbox;
  /** A message in whose place the connection breaks. */
  readonly cut?: string;
  /** Where either side is killed: a name of `faultPoint`. */
  readonly fault?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** Networks that the two are in; default: this process's. */
  readonly hosts?: { readonly from: Machine; readonly to: Machine };
}

/** What vzmigrate gets to move container 101 from one to the other. */
export function moveArguments(
  { from, to, cut, hosts }: Move,
  ...options: readonly string[]
): readonly string[] {
  const ssh = `${from.rootDir}/ssh`;
  const mark = `${ssh}.broken`;
  rmSync(mark, { force: true });
  const breaks = `exec '${process.execPath}' ${BROKEN} ${cut} ${mark} "$*"\n`;
  writeFileSync(ssh, cut === undefined ? SSH : SSH.replace('exec sh -c "$*"\n', breaks));
  chmodSync(ssh, 0o755);
  const command = [process.execPath, `${CLI}vzmigrate.cjs`, '--root-dir', to.rootDir];
  const remote = (hosts?.to.argv(...command) ?? command).join(' ');
  return ['--ssh-command', ssh, '--remote-command', remote, ...options, 'peer', '101'];
}

export function vzmigrate(move: Move, ...options: readonly string[]): Promise<Result> {
  const args = moveArguments(move, ...options);
  const env = { CELLA_FAULT: move.fault ?? '', ...move.env };
  if (!move.hosts) return move.from.run('vzmigrate', args, { env });
  return commandIn(move.hosts.from, move.from.rootDir, 'vzmigrate', args, env);
}
