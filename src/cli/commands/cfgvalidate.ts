/** vzcfgvalidate: whether limits in a configuration go together. */
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { Option } from 'commander';
import { CellaError, isErrno } from '../../errors.js';
import { writeFileAtomic } from '../../state/atomic-file.js';
import type { Register } from '../session.js';
import { literal, printable } from '../table.js';

interface ValidateOptions {
  readonly repair?: true;
  readonly vswap?: 'yes' | 'no';
  readonly json?: true;
}

/** OpenVZ's status for a configuration that is not right. */
const INVALID = 2;

const TITLES = { error: 'Error', warning: 'Warning', recommendation: 'Recommendation' } as const;

export const addCfgvalidate: Register = (command, session) => {
  command
    .description('whether limits in a configuration go together, and with this host')
    .argument('<file>')
    .option('-r, --repair', 'put right in the file what can be')
    .addOption(
      new Option('-v, --vswap <yes|no>', 'whether it is to limit memory; default: as it does').choices([
        'yes',
        'no',
      ]),
    )
    .option('-j, --json', 'for programs')
    .action(async (path: string, { repair, vswap, json }: ValidateOptions) => {
      const host = await session.host();
      const limitsMemory = vswap && vswap === 'yes';
      const text = readConfig(path);
      const repaired = repair ? await host.repair(text, path, limitsMemory) : { text, changes: [] };
      if (repaired.text !== text) replace(path, repaired.text);
      const findings = await host.validate(repaired.text, path, limitsMemory);
      const { stdout } = session.io;
      if (findings.some(({ level }) => level === 'error')) session.status = INVALID;
      if (json) {
        stdout.write(`${literal({ valid: session.status === 0, findings, changes: repaired.changes })}\n`);
        return;
      }
      for (const { key, from, to } of repaired.changes)
        stdout.write(`${printable(repairOf(key, from, to))}\n`);
      for (const { level, message } of findings) stdout.write(`${TITLES[level]}: ${message}\n`);
      stdout.write(
        `Validation completed: ${session.status === 0 ? 'success' : 'the limits contradict each other'}\n`,
      );
    });
};

function repairOf(key: string, from: string | null, to: string): string {
  return `Repaired: ${key}="${to}"${from === null ? '' : `, was "${from}"`}`;
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES')) throw cause;
    throw new CellaError('NO_CONFIG', `cannot read '${path}': ${cause.message}`, { cause });
  }
}

/** Whoever could read it can still. */
function replace(path: string, text: string): void {
  const { mode } = statSync(path);
  writeFileAtomic(path, text, { durable: true });
  chmodSync(path, mode & 0o777);
}
