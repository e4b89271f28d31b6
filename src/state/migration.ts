/** How far a migration has come on the host that a container leaves: outlives a power cut, for whoever comes next. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeFileAtomic } from './atomic-file.js';
import { readText } from './text-file.js';

export interface Migration {
  readonly version: 1;
  /** Of the other host, for people. */
  readonly to: string;
  /** How the other host's Cella is run from here. */
  readonly argv: readonly [string, ...string[]];
  /**
   * `sending`: the container is here. `handed`: a copy of it may run there, but not after `until`. `asked`: the copy was told
   * that it is to be kept. `kept`: it is there alone.
   */
  readonly phase: 'sending' | 'handed' | 'asked' | 'kept';
  /** ms since the epoch. */
  readonly until?: number;
  /** Whether what is left here is to be removed. */
  readonly remove: boolean;
}

export function readMigration(path: string): Migration | undefined {
  const text = readText(path);
  return text === undefined ? undefined : (JSON.parse(text) as Migration);
}

export function writeMigration(path: string, migration: Migration): void {
  writeFileAtomic(path, `${JSON.stringify(migration)}\n`, { durable: true });
}

export function removeMigration(path: string): void {
  rmSync(path, { force: true });
  syncDirectory(dirname(path));
}
