/** How far a container's action scripts have come: written before each, removed once its root is unmounted. */
import { rmSync } from 'node:fs';
import type { Action } from '../plan/action-scripts.js';
import { writeFileAtomic } from './atomic-file.js';
import { readText } from './text-file.js';

export interface ScriptsRecord {
  readonly version: 1;
  /** Of another boot nothing is left. */
  readonly bootId: string;
  readonly root: string;
  /** The last ones that were begun; `create` has no others. */
  readonly stage: Action | 'create';
  /** Marks the processes of a verb that has not ended yet; null: it has. */
  readonly running: string | null;
}

export function readScriptsRecord(path: string): ScriptsRecord | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as ScriptsRecord;
    if (record.version === 1 && typeof record.root === 'string') return record;
  } catch {
    // As one of another version.
  }
  return undefined;
}

/** Not synced: it lives no longer than the boot. */
export function writeScriptsRecord(path: string, record: ScriptsRecord): void {
  writeFileAtomic(path, `${JSON.stringify(record)}\n`, { durable: false });
}

export function removeScriptsRecord(path: string): void {
  rmSync(path, { force: true });
}
