import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inParallel } from '../../../src/service/pool.js';

describe('work on many', () => {
  it('is begun in order, a few at once, and done for each whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        async (fails, limit) => {
          const begun: number[] = [];
          let [now, most] = [0, 0];
          await inParallel([...fails.keys()], limit, async (i) => {
            begun.push(i);
            now += 1;
            most = Math.max(most, now);
            await new Promise((resolve) => setImmediate(resolve));
            now -= 1;
            if (fails[i]) throw new Error('no');
          });
          expect(begun).toEqual([...fails.keys()]);
          expect(most).toBe(Math.min(limit, fails.length));
        },
      ),
    );
  });
});
