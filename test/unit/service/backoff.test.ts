import { describe, expect, it } from 'vitest';
import { type Attempts, afterRun, NO_ATTEMPTS } from '../../../src/service/backoff.js';

function pauses(...runs: readonly number[]): readonly number[] {
  let attempts: Attempts = NO_ATTEMPTS;
  return runs.map((ranMs) => {
    const { pauseMs, ...next } = afterRun(attempts, ranMs);
    attempts = next;
    return pauseMs;
  });
}

describe('a guest that reboots', () => {
  it('waits longer after each short run, up to a minute', () => {
    expect(pauses(...Array<number>(9).fill(5))).toEqual([
      0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
    ]);
    expect(pauses(...Array<number>(5000).fill(5)).at(-1)).toBe(60_000);
  });

  it('does not wait after it has run for long', () => {
    expect(pauses(5, 5, 30_000, 5, 5)).toEqual([0, 1000, 0, 0, 1000]);
  });
});
