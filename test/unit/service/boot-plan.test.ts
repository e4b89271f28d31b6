import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ctid } from '../../../src/config/ctid.js';
import { type BootCandidate, inBootOrder, planBoot } from '../../../src/service/boot-plan.js';

const candidate = fc.record({
  ctid: fc.integer({ min: 101, max: 10_000 }) as fc.Arbitrary<Ctid>,
  onboot: fc.option(fc.boolean(), { nil: undefined }),
  bootorder: fc.option(fc.nat(5), { nil: undefined }),
  disabled: fc.boolean(),
});
const candidates = fc.uniqueArray(candidate, { selector: ({ ctid }) => ctid });

describe('what starts at boot', () => {
  it('is what is told to, and else what ran, but nothing that is disabled', () => {
    fc.assert(
      fc.property(candidates, fc.uniqueArray(fc.integer({ min: 101, max: 10_000 })), (all, ran) => {
        const planned = planBoot(all, new Set(ran));
        const wanted = all.filter(
          ({ onboot, ctid, disabled }) => !disabled && (onboot ?? ran.includes(ctid)),
        );
        expect([...planned].sort()).toEqual(wanted.map(({ ctid }) => ctid).sort());
      }),
    );
  });

  it('comes in order: the higher first, those without last, equals by id', () => {
    fc.assert(
      fc.property(candidates, (all) => {
        const ordered = inBootOrder(all);
        for (const [i, later] of ordered.slice(1).entries()) {
          const earlier = ordered[i] as BootCandidate;
          const [a, b] = [earlier.bootorder ?? -1, later.bootorder ?? -1];
          expect(a > b || (a === b && earlier.ctid < later.ctid)).toBe(true);
        }
      }),
    );
  });
});
