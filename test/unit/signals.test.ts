/** Signals by name, those of real time too. */
import { describe, expect, it } from 'vitest';
import { signalNumber } from '../../src/signals.js';

describe('signalNumber', () => {
  it.each([
    ['SIGTERM', 15],
    ['SIGPWR', 30],
    ['SIGRTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['SIGRTMIN+30', 64],
    ['SIGRTMAX', 64],
    ['SIGRTMAX-1', 63],
  ])('%s is %i', (name, number) => expect(signalNumber(name)).toBe(number));

  it.each([
    '',
    'TERM',
    '15',
    'toString',
    'SIGRTMIN+31',
    'SIGRTMIN-1',
    'SIGRTMAX+1',
    'SIGRTMIN+',
    'SIGRTMIN+3\n',
  ])('%j is none', (name) => expect(signalNumber(name)).toBeUndefined());
});
