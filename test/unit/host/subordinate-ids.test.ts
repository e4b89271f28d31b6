/** Ranges of user ids: never one that somebody has. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateRange, countRanges, type IdRange, overlaps } from '../../../src/host/subordinate-ids.js';

const COUNT = 65_536;
const FIRST = 1_048_576;

const range = fc.record({
  start: fc.oneof(
    fc.nat(2_000_000_000),
    fc.nat(40).map((n) => FIRST + n * COUNT),
  ),
  count: fc.oneof(fc.constant(COUNT), fc.nat(5_000_000)),
});

/** The obvious way: every multiple in turn. */
function lowestFree(taken: readonly IdRange[]): number {
  let start = FIRST;
  while (taken.some((at) => at.count > 0 && overlaps(at, { start, count: COUNT }))) start += COUNT;
  return start;
}

describe('allocateRange', () => {
  it('gives a free, aligned range, the lowest one there is', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 60 }), (taken) => {
        const start = allocateRange(taken, COUNT);
        expect(start % COUNT).toBe(0);
        expect(start).toBe(lowestFree(taken));
      }),
    );
  });

  it('never gives the same id twice', () => {
    const taken: IdRange[] = [{ start: FIRST + 100, count: 1 }];
    for (let i = 0; i < 1000; i += 1) taken.push({ start: allocateRange(taken, COUNT), count: COUNT });
    const starts = taken.slice(1).map(({ start }) => start);
    expect(new Set(starts).size).toBe(1000);
    expect(Math.min(...starts)).toBe(FIRST + COUNT);
  });

  it('fits into a gap of just its size, and not into a smaller one', () => {
    const gap = (size: number) => [
      { start: FIRST, count: COUNT },
      { start: FIRST + COUNT + size, count: 10 * COUNT },
    ];
    expect(allocateRange(gap(COUNT), COUNT)).toBe(FIRST + COUNT);
    expect(allocateRange(gap(COUNT - 1), COUNT)).toBeGreaterThan(FIRST + 10 * COUNT);
  });

  it('says so when none is free', () => {
    expect(() => allocateRange([{ start: 0, count: 4_294_967_295 }], COUNT)).toThrow(
      expect.objectContaining({ code: 'NO_RESOURCES', message: 'no range of user ids is free' }),
    );
  });
});

describe('countRanges', () => {
  it('says of how many ranges none is taken', () => {
    expect(countRanges([], COUNT).free).toBe(countRanges([], COUNT).total);
    const taken = [FIRST, FIRST + COUNT, FIRST].map((start) => ({ start, count: COUNT }));
    const { free, total } = countRanges([...taken, { start: 0, count: 1000 }], COUNT);
    expect(total - free).toBe(2);
  });

  it('has one less of them with each that is allocated', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), (taken) => {
        const more = [...taken, { start: allocateRange(taken, COUNT), count: COUNT }];
        expect(countRanges(taken, COUNT).free - countRanges(more, COUNT).free).toBe(1);
      }),
    );
  });
});
