/** Wildcards, as the shell has them. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matches } from '../../../src/cli/fnmatch.js';

it.each([
  ['', '', true],
  ['', '*', true],
  ['', '?', false],
  ['abc', 'a*c', true],
  ['abc', 'a?c', true],
  ['abc', 'ab', false],
  ['web1.example', 'web[0-9].*', true],
  ['webx.example', 'web[!0-9].*', true],
  ['a]c', 'a[]]c', true],
  ['a-c', 'a[a-]c', true],
  ['a[c', 'a[c', true],
  ['a*c', 'a\\*c', true],
  ['abc', 'a\\*c', false],
  ['é', '?', true],
  ['a\nb', 'a*b', true],
  ['a.b', 'a+b', false],
])('%j by %j: %s', (text, pattern, expected) => expect(matches(text, pattern)).toBe(expected));

it('is what case of a shell does', () => {
  const letters = (from: string) => fc.string({ unit: fc.constantFrom(...from), maxLength: 6 });
  const pairs = fc.sample(fc.tuple(letters('ab-]'), letters('ab*?[]!-')), 400);
  const script = 'while [ $# -gt 0 ]; do case $1 in $2) echo 1;; *) echo 0;; esac; shift 2; done';
  const answers = execFileSync('bash', ['--norc', '-c', script, 'bash', ...pairs.flat()], {
    encoding: 'utf8',
    env: { LC_ALL: 'C' },
  });
  const said = answers.trim().split('\n');
  expect(pairs.map(([text, pattern]) => [text, pattern, matches(text, pattern)])).toEqual(
    pairs.map(([text, pattern], i) => [text, pattern, said[i] === '1']),
  );
});

it('takes no more time for a pattern of many stars', () => {
  const started = performance.now();
  expect(matches('a'.repeat(2000), `${'*a'.repeat(200)}b`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});
