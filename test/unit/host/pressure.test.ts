/** Pressure as the kernel tells it. */
import { expect, it } from 'vitest';
import { parsePressure, parseTotal } from '../../../src/host/pressure.js';

it.each([
  ['some avg10=44.95 avg60=68.66 avg300=61.48 total=3070108841\nfull avg10=0.00 avg60=0.00', 44.95],
  ['some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', 0],
  ['full avg10=1.00 avg60=0.00 avg300=0.00 total=0\n', null],
  ['', null],
  [undefined, null],
])('is of %j', (text, expected) => expect(parsePressure(text)).toBe(expected));

it.each([
  [
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=71\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n',
    71n,
    7n,
  ],
  ['some avg10=0.00 avg60=0.00 avg300=0.00 total=9007199254740993\n', 9007199254740993n, null],
  [undefined, null, null],
])('has gone on for so long: %j', (text, some, full) => {
  expect([parseTotal(text, 'some'), parseTotal(text, 'full')]).toEqual([some, full]);
});
