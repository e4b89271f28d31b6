import { expect, it } from 'vitest';
import { chooseWay, followsAfter } from '../../../src/migrate/modes.js';

const MIB = 1 << 20;
const small = { used: 100 * MIB };
const large = { used: 1000 * MIB };

it('does by itself what is better, of what can be', () => {
  expect(chooseWay('auto', small)).toEqual({ ahead: false, after: false });
  expect(chooseWay('auto', large)).toEqual({ ahead: true, after: 'if needed' });
  expect(chooseWay('auto', { ...large, notAfter: 'no' })).toEqual({ ahead: true, after: false });
  expect(chooseWay('auto', { ...large, notAhead: 'no' })).toEqual({ ahead: false, after: true });
  expect(chooseWay('auto', { ...large, notAhead: 'no', notAfter: 'no' })).toEqual({
    ahead: false,
    after: false,
  });
});

it('does what it is told to, or says why it cannot', () => {
  expect(chooseWay('stop', large)).toEqual({ ahead: false, after: false });
  expect(chooseWay('hybrid', small)).toEqual({ ahead: true, after: true });
  expect(() => chooseWay('pre-copy', { ...small, notAhead: 'of the kernel' })).toThrow(
    "mode 'pre-copy' is not possible: of the kernel",
  );
  expect(chooseWay('pre-copy', { ...small, notAfter: 'of the kernel' })).toEqual({
    ahead: true,
    after: false,
  });
  expect(() => chooseWay('hybrid', { ...small, notAfter: 'of CRIU' })).toThrow('of CRIU');
});

it('has what is left follow only where that is much', () => {
  const way = chooseWay('auto', large);
  expect(followsAfter(way, [{ bytes: 1000 * MIB }, { bytes: 10 * MIB }])).toBe(false);
  expect(followsAfter(way, [{ bytes: 1000 * MIB }, { bytes: 900 * MIB }])).toBe(true);
  expect(followsAfter(way, [])).toBe(true);
  expect(followsAfter(chooseWay('stop', large), [])).toBe(false);
  expect(followsAfter(chooseWay('post-copy', large), [])).toBe(true);
});
