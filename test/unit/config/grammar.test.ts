/** The KEY="value" grammar: verbatim round trip, and edits that leave the rest alone. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatConfig,
  getSettings,
  parseConfig,
  substituteVeid,
  updateConfig,
} from '../../../src/config/grammar.js';

const value = (text: string, key = 'A'): string | undefined => getSettings(parseConfig(text)).get(key)?.value;
const update = (text: string, changes: Record<string, string | null>): string =>
  formatConfig(updateConfig(parseConfig(text), new Map(Object.entries(changes))));

const piece = fc.constantFrom('A', 'B=', '"', "'", '#', ' ', '\n', '\r', '\\', '$VEID', '\0', 'x', '=');
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(piece).map((parts) => parts.join('')),
);
const key = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/);
const good = fc.string().filter((text) => !/[\n\r\0"`\\$]/.test(text));

describe('parseConfig', () => {
  it('keeps every text as it is', () => {
    fc.assert(fc.property(anyText, (text) => formatConfig(parseConfig(text)) === text));
  });

  it.each([
    ['A="b c"', 'b c'],
    ["A='b $c'", 'b $c'],
    ['A=b', 'b'],
    ['A=', ''],
    ['  A="b"  # why', 'b'],
    ['A=b#c', 'b#c'],
    ['A="b # c"', 'b # c'],
    ['A="b"\r', 'b'],
    [String.raw`A="b\"c\\d"`, String.raw`b"c\d`],
  ])('reads %j', (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  it.each(['A = b', 'A', 'A=b c', 'A="b', 'A="b"c', '1A=b', "A='b'c'", 'A=b;c', 'A="\0"'])(
    'calls %j broken',
    (text) => {
      expect(parseConfig(text).lines).toEqual([{ kind: 'broken', number: 1, text }]);
    },
  );

  it('knows comments and blank lines, and numbers lines from 1', () => {
    const { lines } = parseConfig('# c\n\n \t# d\nA=1\n');
    expect(lines.map((line) => line.kind)).toEqual(['other', 'other', 'other', 'setting', 'other']);
    expect(getSettings({ lines }).get('A')).toEqual({ value: '1', line: 4 });
  });

  it('lets the first of two equal keys count', () => {
    expect(value('A=1\nA=2')).toBe('1');
  });
});

describe('updateConfig', () => {
  it('rewrites, removes and appends only what it is told to', () => {
    const text = '# head\n  A=1 # why\nX=y\nB="2"\n???\n';
    expect(update(text, { A: 'one', B: null, C: '3' })).toBe('# head\n  A="one" # why\nX=y\n???\nC="3"\n');
  });

  it('leaves a line whose value stays, and drops repeated ones', () => {
    expect(update("A='1'\nA=2\n", { A: '1' })).toBe("A='1'\n");
  });

  it('appends after a last line without line feed', () => {
    expect([update('A=1', { B: '2' }), update('', { B: '2' })]).toEqual(['A=1\nB="2"\n', 'B="2"\n']);
  });

  it('reads back what it wrote, whatever was there before', () => {
    fc.assert(
      fc.property(anyText, key, good, (text, name, set) => {
        const file = updateConfig(parseConfig(text), new Map([[name, set]]));
        expect(getSettings(file).get(name)?.value).toBe(set);
        expect(getSettings(parseConfig(formatConfig(file)))).toEqual(getSettings(file));
      }),
    );
  });

  it('leaves nothing of a removed key, and all of the others', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const file = parseConfig(text);
        const rest = file.lines.filter((line) => line.kind !== 'setting' || line.key !== 'AB');
        const after = updateConfig(file, new Map([['AB', null]]));
        expect(formatConfig(after)).toBe(rest.map((line) => line.text).join('\n'));
      }),
    );
  });

  it.each(['a\nb', 'a\rb', 'a\0b', 'a"b', 'a`b', 'a\\b', '$HOME', '$VEID'])(
    'refuses the value %j',
    (text) => {
      expect(() => update('', { A: text })).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
    },
  );

  it('accepts $VEID in the two paths alone', () => {
    expect(update('', { VE_ROOT: '/r/$VEID' })).toBe('VE_ROOT="/r/$VEID"\n');
    expect(() => update('', { VE_ROOT: '/r/$VEIDX' })).toThrow('cannot hold');
  });

  it('refuses a bad key', () => {
    expect(() => update('', { 'A B': '1' })).toThrow('bad configuration key "A B"');
  });
});

describe('substituteVeid', () => {
  it('replaces both spellings', () => {
    expect(substituteVeid(`/$VEID/$\{VEID}x/$VEIDS`, '7')).toBe('/7/7x/$VEIDS');
  });
});
