/** Files of the state: whole or not at all, and seen as they are now. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../../src/state/atomic-file.js';
import { type RuntimeRecord, readRecord, removeRecord, writeRecord } from '../../../src/state/record.js';
import { parsedOnce, readText } from '../../../src/state/text-file.js';

const directory = mkdtempSync(`${tmpdir()}/cella-state-`);
const path = `${directory}/file`;
beforeEach(() => rmSync(path, { recursive: true, force: true }));
afterAll(() => rmSync(directory, { recursive: true }));

describe('writeFileAtomic', () => {
  it.each([true, false])('replaces the file by another one, for root alone (durable: %s)', (durable) => {
    writeFileSync(path, 'old', { mode: 0o644 });
    const before = statSync(path).ino;
    writeFileAtomic(path, 'new', { durable });
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).ino).not.toBe(before);
  });

  it('leaves the target and nothing else when it fails', () => {
    mkdirSync(path);
    expect(() => writeFileAtomic(path, 'new', { durable: false })).toThrow(/EISDIR/);
    expect(readdirSync(directory)).toEqual(['file']);
  });
});

describe('readText', () => {
  it('is undefined where there is no file, nor a directory for it', () => {
    expect(readText(path)).toBeUndefined();
    expect(readText(`${directory}/none/file`)).toBeUndefined();
    writeFileSync(path, '');
    expect(readText(`${path}/file`)).toBeUndefined();
  });

  it('sees every change, of a file that has been still for long or for no time at all', () => {
    for (const still of [0, 3600]) {
      const then = Date.now() / 1000 - still;
      writeFileSync(path, 'one');
      utimesSync(path, then, then);
      expect(readText(path)).toBe('one');
      expect(readText(path)).toBe('one');
      // In place, of the same size; only the time tells.
      writeFileSync(path, 'two');
      expect(readText(path)).toBe('two');
      rmSync(path);
      expect(readText(path)).toBeUndefined();
    }
  });

  it('is not fooled by another file of the same size and time', () => {
    writeFileSync(path, 'one');
    utimesSync(path, 1000, 1000);
    expect(readText(path)).toBe('one');
    writeFileAtomic(path, 'two', { durable: false });
    utimesSync(path, 1000, 1000);
    expect(readText(path)).toBe('two');
  });
});

describe('parsedOnce', () => {
  it('parses again only when the text of that path is another one', () => {
    const seen: string[] = [];
    const parse = parsedOnce((text, at) => seen.push(`${at} ${text}`));
    for (const [text, at] of [
      ['x', 'a'],
      ['x', 'a'],
      ['x', 'b'],
      ['y', 'a'],
      ['x', 'a'],
    ] as const)
      parse(text, at);
    expect(seen).toEqual(['a x', 'b x', 'a y', 'a x']);
  });
});

describe('a runtime record', () => {
  const RECORD: RuntimeRecord = {
    version: 1,
    ctid: 101,
    bootId: 'boot',
    root: '/vz/root/101',
    cgroups: ['/sys/fs/cgroup/cella/101'],
    init: { pid: 7, startTime: '12345678901234567890', startedAt: 1 },
  };

  it('is read as it was written, until it is removed', () => {
    expect(readRecord(path)).toBeUndefined();
    writeRecord(path, { ...RECORD, init: null });
    writeRecord(path, RECORD);
    expect(readRecord(path)).toEqual(RECORD);
    removeRecord(path);
    removeRecord(path);
    expect(existsSync(path)).toBe(false);
  });

  it.each(['', '\0\0\0'])('is none where the power went before it was on the disk', (text) => {
    writeFileSync(path, text);
    expect(readRecord(path)).toBeUndefined();
  });

  it.each([
    '{',
    '[]',
    'null',
    '"text"',
    '{"version":2,"root":"/","cgroups":[]}',
    '{"version":1,"cgroups":[]}',
  ])('is not taken for one: %s', (text) => {
    writeFileSync(path, text);
    expect(() => readRecord(path)).toThrow(`'${path}' is not a runtime record`);
  });
});
