import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DetachKeys } from '../../../src/cli/detach.js';
import { printable } from '../../../src/cli/printable.js';

function type(...parts: readonly string[]): { readonly typed: string; readonly detached: boolean } {
  const keys = new DetachKeys();
  let typed = '';
  for (const part of parts) {
    const taken = keys.take(Buffer.from(part, 'latin1'));
    typed += Buffer.from(taken.typed).toString('latin1');
    if (taken.detached) return { typed, detached: true };
  }
  return { typed, detached: false };
}

describe('the keys that detach', () => {
  it.each([
    [['\u001b.'], '', true],
    [['ls\r', '\u001b', '.rest'], 'ls\r', true],
    [['a\u001b.'], 'a\u001b.', false],
    [['\u001b[A.'], '\u001b[A.', false],
    [['\r\u001b\u001b.'], '\r\u001b\u001b.', false],
  ])('of %j the guest gets %j', (parts, typed, detached) => {
    expect(type(...parts)).toEqual({ typed, detached });
  });

  it('are the same however it comes in pieces, and nothing else is lost', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '.', '\r', '\u001b', 'é'), maxLength: 20 });
    fc.assert(
      fc.property(text, (all) => {
        expect(type(...all)).toEqual(type(all));
        const line = /(?:^|[\r\n])E(?:\.|$)/.test(all.replaceAll('\u001b', 'E'));
        if (!line) expect(type(all).typed).toBe(all);
      }),
    );
  });
});

describe('what of a guest is printed', () => {
  it('is text, lines and tabs', () => {
    expect(
      printable(Buffer.from('a\tb\r\nc\u001b[1;31md\u001b]0;t\u0007e\u001bcf\u0000\u009b2Jg\u202eh')),
    ).toBe('a\tb\ncdef2Jgh');
  });

  it('never holds what a terminal obeys', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const obeyed = [...printable(bytes)].filter((at) => at !== '\n' && at !== '\t' && /\p{Cc}/u.test(at));
        expect(obeyed).toEqual([]);
      }),
    );
  });
});
