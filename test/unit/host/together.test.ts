import { describe, expect, it } from 'vitest';
import { together } from '../../../src/host/together.js';

describe('together', () => {
  const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('does at once what was asked for meanwhile, in the order of asking', async () => {
    const done: (readonly number[])[] = [];
    const work = together<number>(async (items) => {
      await tick();
      done.push(items);
    });
    await Promise.all([1, 2, 3, 4].map(work));
    await work(5);
    expect(done).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('tells each of its own failure alone', async () => {
    const work = together<number>(async (items) => {
      await tick();
      if (items.includes(3)) throw new Error(`failed for ${items.join()}`);
    });
    const ends = await Promise.allSettled([1, 2, 3, 4].map(work));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(ends[2]).toMatchObject({ reason: { message: 'failed for 3' } });
    await expect(work(4)).resolves.toBeUndefined();
  });

  it('gives each its own result', async () => {
    const double = together<number, number>(async (items) => {
      await tick();
      return items.map((item) => item * 2);
    });
    expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
  });
});
