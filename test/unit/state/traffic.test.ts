/** Sums of traffic over runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noteTraffic, readTraffic, type Traffic } from '../../../src/state/traffic.js';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-traffic-`);
  path = `${directory}/traffic/101.json`;
});
afterEach(() => rmSync(directory, { recursive: true }));

function counted(sent: number, received: number, more: Partial<Traffic> = {}): Traffic {
  const count = (packets: number) => ({ packets: BigInt(packets), bytes: BigInt(packets) * 100n });
  return { address: '10.0.0.1', class: null, sent: count(sent), received: count(received), ...more };
}

it('is counted once however often it is noted, and goes on in the next run', () => {
  noteTraffic(path, 'a', [counted(3, 2)]);
  noteTraffic(path, 'a', [counted(3, 2)]);
  expect(noteTraffic(path, 'a', [counted(5, 2)])).toEqual([counted(5, 2)]);
  expect(noteTraffic(path, 'b', [counted(7, 1)])).toEqual([counted(12, 3)]);
  // Its table was loaded anew.
  expect(noteTraffic(path, 'b', [counted(1, 0)])).toEqual([counted(13, 3)]);
  expect(readTraffic(path)).toEqual([counted(13, 3)]);
});

it('is kept apart by address and class', () => {
  const [all, ofClass] = [counted(3, 2), counted(1, 1, { class: 2 })];
  const other = counted(9, 9, { address: 'fd00::1' });
  noteTraffic(path, 'a', [all, ofClass, other]);
  expect(noteTraffic(path, 'b', [ofClass])).toEqual([all, counted(2, 2, { class: 2 }), other]);
});

it('begins anew where the file is none of ours', () => {
  noteTraffic(path, 'a', [counted(3, 2)]);
  writeFileSync(path, '{"version":1,"entries":');
  expect(readTraffic(path)).toEqual([]);
  expect(noteTraffic(path, 'a', [counted(1, 1)])).toEqual([counted(1, 1)]);
});
