/** Archives of attackers that do no harm: what they hold stays in the tree. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unpack } from '../../../src/template/unpack.js';
import { usePrey } from '../../helpers/hostile.js';
import { pieces, type RawEntry, tar } from '../../helpers/tar.js';

const isRoot = process.getuid?.() === 0;
const prey = usePrey();

describe.runIf(isRoot)('an archive stays in its tree that has', () => {
  const HARMLESS: readonly (readonly [string, () => readonly RawEntry[], () => void])[] = [
    [
      'an absolute name',
      () => [{ name: `${prey.canary}/file`, data: 'x' }],
      () => expect(readFileSync(`${prey.root}${prey.canary}/file`, 'utf8')).toBe('x'),
    ],
    [
      'a file in place of a symlink',
      () => [
        { name: 'a', type: '2', link: `${prey.canary}/file` },
        { name: 'a', data: 'x' },
      ],
      () => expect(readFileSync(`${prey.root}/a`, 'utf8')).toBe('x'),
    ],
    [
      'a directory in place of a symlink',
      () => [
        { name: 'a', type: '2', link: prey.canary },
        { name: 'a/', type: '5', mode: 0o700 },
      ],
      () => expect(lstatSync(`${prey.root}/a`).isDirectory()).toBe(true),
    ],
    [
      'a hard link to a symlink, and a file in its place',
      () => [
        { name: 's', type: '2', link: `${prey.canary}/file` },
        { name: 'h', type: '1', link: 's' },
        { name: 'h', data: 'x' },
      ],
      () => expect(readFileSync(`${prey.root}/h`, 'utf8')).toBe('x'),
    ],
    [
      'a hard link to itself',
      () => [
        { name: 'a', data: 'x' },
        { name: 'a', type: '1', link: 'a' },
      ],
      () => expect(readFileSync(`${prey.root}/a`, 'utf8')).toBe('x'),
    ],
    [
      'a name with a newline',
      () => [{ name: 'a\n../b', data: 'x' }],
      () => expect(readdirSync(prey.root)).toEqual(['a\n..']),
    ],
    [
      'a name with a backslash',
      () => [{ name: '..\\..\\b', data: 'x' }],
      () => expect(readdirSync(prey.root)).toEqual(['..\\..\\b']),
    ],
    [
      'duplicates',
      () => Array.from({ length: 20 }, (_, i) => ({ name: 'a', data: String(i) })),
      () => expect(readFileSync(`${prey.root}/a`, 'utf8')).toBe('19'),
    ],
    [
      'a symlink that is made of two',
      () => [
        { name: 'a', type: '2', link: 'b' },
        { name: 'b', type: '2', link: prey.canary },
      ],
      () => expect(existsSync(`${prey.root}/a/file`)).toBe(true),
    ],
    [
      'a setuid file in spite of the umask',
      () => [{ name: 'a', data: 'x', mode: 0o6777 }],
      () => expect(lstatSync(`${prey.root}/a`).mode & 0o7777).toBe(0o6777),
    ],
    [
      'whiteouts where none are meant',
      () => [{ name: '.wh.file', data: 'x' }],
      () => expect(readdirSync(prey.root)).toEqual(['.wh.file']),
    ],
  ];

  it.each(HARMLESS)('%s', async (_, archive, check) => {
    await unpack(pieces(tar(...archive())), prey.root);
    check();
    prey.expectUntouched();
  });
});
