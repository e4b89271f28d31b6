/** VE_LAYOUT in our words and in OpenVZ's. */
import { describe, expect, it } from 'vitest';
import { formatLayout, parseLayout, STORES } from '../../../src/config/layout.js';

describe('parseLayout', () => {
  it.each([
    ['overlay', 'overlay', 'auto'],
    ['plain', 'plain', 'auto'],
    ['plain:btrfs', 'plain', 'btrfs'],
    ['simfs', 'overlay', 'auto'],
    ['ploop', 'overlay', 'image'],
    ['ploop:expanded', 'overlay', 'image'],
  ])('%s', (text, tree, store) => {
    expect(parseLayout(text)).toEqual({ tree, store });
  });

  it('reads what formatLayout writes', () => {
    for (const tree of ['overlay', 'plain'] as const)
      for (const store of [...STORES, 'auto'] as const)
        expect(parseLayout(formatLayout({ tree, store }))).toEqual({ tree, store });
  });

  it.each([
    '',
    'zfs',
    'overlay:',
    'overlay:auto',
    'overlay:zfs',
    'image',
    'plain:image:x',
    'toString',
    '__proto__',
  ])('refuses %j', (text) => {
    expect(() => parseLayout(text)).toThrow(`bad layout: ${JSON.stringify(text)}`);
  });
});
