import { describe, expect, it } from 'vitest';
import { isEnough, MOST_ROUNDS } from '../../../src/migrate/memory-rounds.js';

const MIB = 1 << 20;
const enough = (...sizes: readonly number[]): boolean => isEnough(sizes.map((bytes) => ({ bytes })));

describe('rounds of memory', () => {
  it('begin, and go on as long as each is smaller', () => {
    expect(enough()).toBe(false);
    expect(enough(100 * MIB)).toBe(false);
    expect(enough(100 * MIB, 50 * MIB, 25 * MIB)).toBe(false);
  });

  it('end with one of few pages, if it be the first', () => {
    expect(enough(64 * 4096)).toBe(true);
    expect(enough(65 * 4096)).toBe(false);
    expect(enough(100 * MIB, 0)).toBe(true);
  });

  it('end where memory changes faster than it is sent', () => {
    expect(enough(100 * MIB, 111 * MIB)).toBe(true);
    expect(enough(100 * MIB, 50 * MIB, 56 * MIB)).toBe(true);
  });

  it('end where it changes as fast as it is sent, twice in a row', () => {
    expect(enough(100 * MIB, 91 * MIB)).toBe(false);
    expect(enough(100 * MIB, 91 * MIB, 90 * MIB)).toBe(true);
    expect(enough(100 * MIB, 91 * MIB, 50 * MIB, 49 * MIB)).toBe(false);
  });

  it('end after eight', () => {
    const sizes = Array.from({ length: MOST_ROUNDS }, (_, i) => (100 * MIB) / 2 ** i);
    expect(enough(...sizes.slice(1))).toBe(false);
    expect(enough(...sizes)).toBe(true);
  });
});
