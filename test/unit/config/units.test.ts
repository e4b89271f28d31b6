/** Limits: suffixes, fractions, unlimited, and the saved form. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatLimit,
  type LimitUnit,
  pagesToBytes,
  parseLimit,
  UNLIMITED,
} from '../../../src/config/units.js';

const amount = fc.bigInt({ min: 0n, max: UNLIMITED });

describe('parseLimit', () => {
  it.each<[string, LimitUnit, bigint, bigint]>([
    ['5', 'items', 5n, 5n],
    ['5:6', 'items', 5n, 6n],
    ['5.9', 'items', 5n, 5n],
    ['1K', 'bytes', 1024n, 1024n],
    ['1m:2M', 'bytes', 1048576n, 2097152n],
    ['2.2G', 'bytes', 2362232012n, 2362232012n],
    ['1T', 'bytes', 1099511627776n, 1099511627776n],
    ['3P', 'bytes', 12288n, 12288n],
    ['3p', 'pages', 3n, 3n],
    ['3', 'pages', 3n, 3n],
    ['8K', 'pages', 2n, 2n],
    ['8191B', 'pages', 1n, 1n],
    ['5:6', 'blocks', 5n, 6n],
    ['2G:2.2G', 'blocks', 2097152n, 2306867n],
    ['0:unlimited', 'pages', 0n, UNLIMITED],
    ['99999999999999999999', 'bytes', UNLIMITED, UNLIMITED],
    ['99999999T', 'bytes', UNLIMITED, UNLIMITED],
  ])('reads %j as %s', (text, unit, barrier, limit) => {
    expect(parseLimit(text, unit)).toEqual({ barrier, limit });
  });

  it.each<[string, LimitUnit]>([
    ['', 'bytes'],
    [':', 'bytes'],
    ['5:', 'bytes'],
    [':5', 'bytes'],
    ['1:2:3', 'bytes'],
    ['-1', 'bytes'],
    ['1KB', 'bytes'],
    ['1 K', 'bytes'],
    ['.5G', 'bytes'],
    ['1.G', 'bytes'],
    ['1X', 'pages'],
    ['1K', 'items'],
    ['Unlimited', 'items'],
    ['1\n', 'items'],
  ])('refuses %j as %s', (text, unit) => {
    const message = `bad limit ${JSON.stringify(text)}`;
    expect(() => parseLimit(text, unit)).toThrow(expect.objectContaining({ code: 'BAD_VALUE', message }));
  });

  it('reads back what formatLimit writes, in every unit', () => {
    const unit = fc.constantFrom<LimitUnit>('bytes', 'pages', 'items');
    fc.assert(
      fc.property(amount, amount, unit, (barrier, limit, in_) => {
        expect(parseLimit(formatLimit({ barrier, limit }), in_)).toEqual({ barrier, limit });
      }),
    );
  });

  it('heeds the page size', () => {
    expect(parseLimit('64K', 'pages', { pageSize: 65536 }).limit).toBe(1n);
  });
});

describe('pagesToBytes', () => {
  it('counts 4096 bytes a page, and knows what means unlimited', () => {
    expect([2n, UNLIMITED, UNLIMITED / 4096n].map((pages) => pagesToBytes(pages))).toEqual([
      8192n,
      undefined,
      undefined,
    ]);
  });
});
