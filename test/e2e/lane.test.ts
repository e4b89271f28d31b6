/** A lane has what it says it has, whether or not a test asks for it today. */
import { expect, it } from 'vitest';
import { lack, type Need, PROBES, REQUIRED } from '../helpers/requires.js';

it.runIf(REQUIRED.length > 0).each(REQUIRED)('this lane has %s', async (name) => {
  expect(Object.keys(PROBES)).toContain(name);
  expect(await lack(name as Need)).toBeUndefined();
});

it('names what it must have, or has to have nothing', () => {
  expect(process.env.CELLA_LANE === 'vm' ? REQUIRED.length : 1).toBeGreaterThan(0);
});
