/** Container ids and names. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isName, isReserved, MAX_CTID, parseCtid } from '../../../src/config/ctid.js';

describe('parseCtid', () => {
  it('accepts every id in range', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: MAX_CTID }), (n) => parseCtid(String(n)) === n));
  });

  it.each(['', '0', '-1', '+1', '01', '1.0', '1e3', ' 1', '1\n', '0x10', '2147483645', '99999999999', 'abc'])(
    'refuses %j',
    (text) => {
      expect(() => parseCtid(text)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
    },
  );

  it('tells the reserved ids', () => {
    expect([1, 100, 101].map((n) => isReserved(parseCtid(String(n))))).toEqual([true, true, false]);
  });
});

describe('isName', () => {
  it.each(['web', 'Web 1', '1a', 'a.b-c_d+e', 'x'.repeat(63)])('accepts %j', (text) => {
    expect(isName(text)).toBe(true);
  });

  it.each(['', '.', '..', '101', '-a', ' a', 'a/b', 'a\n', 'é', 'x'.repeat(64)])('refuses %j', (text) => {
    expect(isName(text)).toBe(false);
  });
});
