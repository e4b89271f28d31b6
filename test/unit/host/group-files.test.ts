import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GroupLook } from '../../../src/host/cgroup/group-files.js';

let at = '';
beforeEach(() => {
  at = mkdtempSync(`${tmpdir()}/cella-groups-`);
});
afterEach(() => rmSync(at, { recursive: true }));

/** Groups of one container in hierarchies A and B. */
function make(ctid: number, files: Readonly<Record<string, string>>): readonly string[] {
  const directories = ['a', 'b'].map((name) => `${at}/${name}/${ctid}`);
  for (const directory of directories) mkdirSync(directory, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    const [hierarchy = '', file = ''] = path.split('/');
    writeFileSync(`${at}/${hierarchy}/${ctid}/${file}`, text);
  }
  return directories;
}

it('finds a file in whichever hierarchy has it, and reads it once', () => {
  const directories = make(101, { 'b/pids.current': '7\n', 'b/events': 'low 1\nmax 12\nmaximum 3\n' });
  const files = new GroupLook().of(directories);
  expect(files.number('pids.current')).toBe(7);
  writeFileSync(`${at}/b/101/pids.current`, '8\n');
  expect(files.number('pids.current')).toBe(7);
  expect(files.text('missing')).toBeUndefined();
});

it('takes values by their whole key', () => {
  const files = new GroupLook().of(make(101, { 'a/events': 'low 1\nmax 12\nmaximum 3', 'a/limit': 'max' }));
  expect([files.key('events', 'low'), files.key('events', 'max'), files.key('events', 'maximum')]).toEqual([
    1n,
    12n,
    3n,
  ]);
  for (const key of ['lo', 'axe', 'other']) expect(files.key('events', key)).toBeNull();
  expect(files.big('limit')).toBeNull();
});

it('knows of the next container where to look, unless the one before was gone', () => {
  const look = new GroupLook();
  expect(look.of([`${at}/a/100`, `${at}/b/100`]).number('pids.current')).toBeNull();
  expect(look.of(make(101, { 'b/pids.current': '1' })).number('pids.current')).toBe(1);
  expect(look.of(make(102, { 'b/pids.current': '2' })).number('pids.current')).toBe(2);
});

it('does not take groups that lie elsewhere for the same', () => {
  const look = new GroupLook();
  expect(look.of(make(101, { 'b/pids.current': '1' })).number('pids.current')).toBe(1);
  const [a, b] = make(102, { 'a/pids.current': '2' });
  expect(look.of([b ?? '', a ?? '']).number('pids.current')).toBe(2);
});
