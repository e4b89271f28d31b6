/** Patterns of what a backup leaves out, against glob(7) and a slow matcher of its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excluder, STANDARD } from '../../../src/backup/exclude.js';

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

describe('excluder', () => {
  it.each([
    ['/tmp/*', 'tmp/a', true],
    ['/tmp/*', 'tmp', false],
    ['/tmp/*', 'tmp/a/b', false],
    ['/tmp', 'tmp', true],
    ['tmp/', 'tmp', true],
    ['tmp', 'var/tmp', false],
    ['**/tmp', 'var/tmp', true],
    ['**/tmp', 'tmp', true],
    ['**/tmp', 'my-tmp', false],
    ['/var/**', 'var/a/b', true],
    ['/var/**/*.gz', 'var/a.gz', true],
    ['/var/**/*.gz', 'var/log/apt/a.gz', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['a[b-d]e', 'ace', true],
    ['a[b-d]e', 'afe', false],
    ['a[!b-d]e', 'afe', true],
    ['a[!b-d]e', 'ace', false],
    ['a[!b]e', 'a/e', false],
    ['a[+-0]e', 'a/e', false],
    ['a[]b]e', 'a]e', true],
    ['a[!]b]e', 'a]e', false],
    ['a[!]b]e', 'ace', true],
    ['a[!]', 'a[!]', true],
    ['a[!]', 'ab', false],
    ['a[]', 'a[]', true],
    ['a[', 'a[', true],
    ['a[^b]e', 'abe', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['a\\', 'a\\', true],
    ['a\\\nb', 'a\nb', true],
    ['a*b', 'a\nb', true],
    ['a.c+(d)|{2}^$', 'a.c+(d)|{2}^$', true],
    ['a.c', 'abc', false],
    ['grün*', bytes('grünlich'), true],
    ['*', bytes('grün'), true],
    ['*', '\xff\xfe', true],
  ])('takes %j for %j: %s', (pattern, path, expected) => {
    expect(excluder([pattern])(path)).toBe(expected);
  });

  it.each([
    ['', 'would leave everything out'],
    ['/', 'would leave everything out'],
    ['//', 'would leave everything out'],
    ['a[z-a]', 'is no pattern of paths'],
    ['a\0b', 'is no pattern of paths'],
    ['a'.repeat(4097), 'is no pattern of paths'],
  ])('refuses %j', (pattern, message) => {
    expect(() => excluder([pattern])).toThrow(message);
  });

  it('leaves nothing out without patterns, and what any of several matches', () => {
    expect(excluder([])('a')).toBe(false);
    expect(excluder(['a', 'b'])('b')).toBe(true);
    expect(
      ['tmp/x', 'run/sshd.pid', 'var/log/syslog.1', 'var/log/apt/term.log.2.gz'].every(excluder(STANDARD)),
    ).toBe(true);
    expect(['tmp', 'run', 'var/log/syslog', 'etc/rc.1'].some(excluder(STANDARD))).toBe(false);
  });

  it('matches as one does by hand', () => {
    const part = fc.constantFrom('a', 'b', '/', '.', '*', '**', '**/', '?', '[ab]', '[!a]', '\\*');
    const patterns = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    const paths = fc.array(fc.constantFrom('a', 'b', '/', '.', '*'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(patterns, paths, (pattern, path) => {
        const bare = pattern.replace(/^\/+|\/+$/g, '');
        fc.pre(bare !== '');
        expect(excluder([pattern])(path.join(''))).toBe(matches(bare, path.join('')));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes any string for a pattern or says that it is none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), fc.string(), (pattern, path) => {
        try {
          expect(excluder([pattern])(path)).toBeTypeOf('boolean');
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_VALUE' });
        }
      }),
    );
  });
});

/** Tries everything. */
function matches(pattern: string, path: string): boolean {
  if (pattern === '') return path === '';
  const rests = Array.from({ length: path.length + 1 }, (_, i) => i);
  const after = (length: number, taken: (skipped: string) => boolean): boolean =>
    rests.some((i) => taken(path.slice(0, i)) && matches(pattern.slice(length), path.slice(i)));
  if (pattern.startsWith('**/')) return after(3, (skipped) => skipped === '' || skipped.endsWith('/'));
  if (pattern.startsWith('**')) return after(2, () => true);
  if (pattern.startsWith('*')) return after(1, (skipped) => !skipped.includes('/'));
  if (pattern.startsWith('?')) return after(1, (skipped) => skipped.length === 1 && skipped !== '/');
  if (pattern.startsWith('[ab]')) return after(4, (skipped) => skipped === 'a' || skipped === 'b');
  if (pattern.startsWith('[!a]'))
    return after(4, (skipped) => skipped.length === 1 && !'/a'.includes(skipped));
  if (pattern.startsWith('\\*')) return after(2, (skipped) => skipped === '*');
  return after(1, (skipped) => skipped === pattern[0]);
}
