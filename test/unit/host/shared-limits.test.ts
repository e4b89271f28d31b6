import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lowLimits, raiseLimits, SHARED_LIMITS, sysctlText } from '../../../src/host/shared-limits.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-limits-`);
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (file: string, value: number): void => {
  mkdirSync(dirname(`${directory}/${file}`), { recursive: true });
  writeFileSync(`${directory}/${file}`, `${value}\n`);
};
const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8');

describe('limits that containers share', () => {
  it('are raised where they are low, and never lowered', () => {
    write('fs/inotify/max_user_instances', 128);
    write('fs/inotify/max_user_watches', 2 ** 30);
    expect(lowLimits(directory)).toEqual([
      { name: 'fs.inotify.max_user_instances', value: 65_536, now: 128 },
    ]);
    expect(raiseLimits(directory).map(({ name }) => name)).toEqual(['fs.inotify.max_user_instances']);
    expect(read('fs/inotify/max_user_instances')).toBe('65536');
    expect(read('fs/inotify/max_user_watches')).toBe(`${2 ** 30}\n`);
    expect(lowLimits(directory)).toEqual([]);
  });

  it('are none where the kernel has none', () => {
    expect(lowLimits(directory)).toEqual([]);
    expect(raiseLimits(directory)).toEqual([]);
  });

  it('are in a file for every boot', () => {
    const lines = sysctlText(SHARED_LIMITS).trim().split('\n');
    expect(lines[0]).toMatch(/^# /);
    expect(lines.slice(1)).toEqual(SHARED_LIMITS.map(({ name, value }) => `${name} = ${value}`));
  });

  it('are those of this kernel', () => {
    for (const { name } of SHARED_LIMITS)
      expect(Number(readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8'))).toBeGreaterThan(0);
  });
});
