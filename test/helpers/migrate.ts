/** Two root directories as two hosts, and a stand-in for ssh: what it is to run there it runs here. */
import { chmodSync, writeFileSync } from 'node:fs';
import { CLI, type Result, type Sandbox } from './sandbox.js';

const SSH = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*"
`;

export interface Move {
  readonly from: Sandbox;
  readonly to: Sandbox;
  readonly env?: Readonly<Record<string, string>>;
}

/** What vzmigrate gets to move container 101 from one to the other. */
export function moveArguments({ from, to }: Move, ...options: readonly string[]): readonly string[] {
  const ssh = `${from.rootDir}/ssh`;
  writeFileSync(ssh, SSH);
  chmodSync(ssh, 0o755);
  const remote = `'${process.execPath}' ${CLI}vzmigrate.cjs --root-dir ${to.rootDir}`;
  return ['--ssh-command', ssh, '--remote-command', remote, ...options, 'peer', '101'];
}

export function vzmigrate(move: Move, ...options: readonly string[]): Promise<Result> {
  return move.from.run('vzmigrate', moveArguments(move, ...options), {
    env: { CELLA_FAULT: '', ...move.env },
  });
}
