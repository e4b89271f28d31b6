import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ctid } from '../../../src/config/ctid.js';
import { SavedState } from '../../../src/service/saved.js';

let directory: string;
const path = (): string => `${directory}/service.json`;
const ids = (...numbers: readonly number[]): readonly Ctid[] => numbers as readonly Ctid[];
const otherBoot = (saved: object): void =>
  writeFileSync(path(), JSON.stringify({ version: 1, bootId: 'another', ...saved }));

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-saved-`);
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('what the service remembers', () => {
  it('is what ran before the boot, told once', () => {
    otherBoot({ running: [101, 102], pending: [103] });
    const asked: number[][] = [];
    const plan = (ran: ReadonlySet<number>): readonly Ctid[] => {
      asked.push([...ran]);
      return ids(102);
    };
    expect(SavedState.open(path(), plan).pending).toEqual([102]);
    expect(SavedState.open(path(), plan).pending).toEqual([102]);
    expect(asked).toEqual([[101, 102, 103]]);
  });

  it('is written by and by, and in any case at the end', () => {
    const state = SavedState.open(path(), () => ids(101, 102));
    state.settle(101 as Ctid);
    state.setRunning(ids(105, 101));
    state.close();
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ running: [101, 105], pending: [102] });
  });

  it('stays what it was when the host goes down', () => {
    const state = SavedState.open(path(), () => []);
    state.setRunning(ids(101));
    state.freeze();
    state.setRunning([]);
    state.close();
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ running: [101] });
  });

  it.each([
    '',
    '{',
    '[]',
    'null',
    '{"version":1}',
    '{"version":1,"running":["101"],"pending":[]}',
    '{"version":2,"running":[],"pending":[]}',
  ])('is nothing if it is %j', (text) => {
    writeFileSync(path(), text);
    const asked: number[] = [];
    SavedState.open(path(), (ran) => {
      asked.push(...ran);
      return [];
    });
    expect(asked).toEqual([]);
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ version: 1, running: [], pending: [] });
  });
});
