/** A tree to unpack a stranger's archive into, beside something that it is after. */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect } from 'vitest';

export class Prey {
  directory = '';

  get root(): string {
    return `${this.directory}/stage/root`;
  }

  /** A directory with a file. */
  get canary(): string {
    return `${this.directory}/canary`;
  }

  open(): void {
    this.directory = mkdtempSync(`${tmpdir()}/cella-hostile-`);
    mkdirSync(this.root, { recursive: true });
    mkdirSync(this.canary);
    writeFileSync(`${this.canary}/file`, 'untouched', { mode: 0o640 });
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  expectUntouched(): void {
    const { directory, canary } = this;
    expect(readdirSync(directory).sort()).toEqual(['canary', 'stage']);
    expect(readdirSync(`${directory}/stage`)).toEqual(['root']);
    expect(readdirSync(canary)).toEqual(['file']);
    expect(readFileSync(`${canary}/file`, 'utf8')).toBe('untouched');
    expect(lstatSync(`${canary}/file`)).toMatchObject({ nlink: 1, mode: 0o100640, uid: 0 });
  }
}

/** A new one for every test of a file. */
export function usePrey(): Prey {
  const prey = new Prey();
  beforeEach(() => prey.open());
  afterEach(() => prey.close());
  return prey;
}
