/** Names of signals, as manifests have them. */
import { expect, it } from 'vitest';
import { signalNumber } from '../../src/signals.js';

it.each([
  ['SIGTERM', 15],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['SIGRTMIN+30', 64],
])('%s is %i', (name, number) => {
  expect(signalNumber(name)).toBe(number);
});

it.each(['', 'TERM', 'toString', 'SIGRTMIN+', 'SIGRTMIN+0', 'SIGRTMIN+31', 'SIGRTMIN+3 ', 'SIGRTMIN-1'])(
  "'%s' is none",
  (name) => {
    expect(signalNumber(name)).toBeUndefined();
  },
);
