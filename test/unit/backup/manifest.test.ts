/** manifest.json of a backup comes with it: no field of it is believed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackupManifest, isDigest, parseBackupManifest } from '../../../src/backup/manifest.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const full: BackupManifest = {
  version: 1,
  ctid: 101,
  date: '2026-01-31T23:59:59.123Z',
  kind: 'full',
  mode: 'stopped',
  base: null,
  template: null,
  layout: 'plain:directory',
  excluded: [],
  entries: 3,
  stored: 2,
  bytes: 1,
};
const incremental: BackupManifest = {
  ...full,
  kind: 'incremental',
  mode: 'suspend',
  base: { digest, file: 'vzdump-cella-101-2026_01_30-23_59_59.tar.zst' },
  template: { name: 'debian-13-x86_64', digest },
  excluded: ['/tmp/*'],
};

const parse = (value: unknown): BackupManifest => parseBackupManifest(JSON.stringify(value));

describe('parseBackupManifest', () => {
  it.each([full, incremental, { ...full, template: { name: 'x', digest: null } }])(
    'takes what is right',
    (manifest) => {
      expect(parse(manifest)).toEqual(manifest);
    },
  );

  it('leaves out what it does not know', () => {
    expect(parse({ ...full, more: 1, template: { name: 'x', digest: null, path: '/etc' } })).toEqual({
      ...full,
      template: { name: 'x', digest: null },
    });
  });

  it.each<[keyof BackupManifest, readonly unknown[]]>([
    ['version', [undefined, 0, 2, '1']],
    ['ctid', [undefined, 0, 1, 100, -101, 101.5, '101', '../101', 2 ** 31]],
    [
      'date',
      [undefined, '', 'now', '2026-01-31', '2026-02-31T00:00:00.000Z', `2026-01-31T23:59:59.123Z\n`, 0],
    ],
    ['kind', [undefined, 'half', ['full']]],
    ['mode', [undefined, 'running', '__proto__']],
    ['base', [undefined, [], 'x', { digest, file: 'x' }]],
    [
      'template',
      [undefined, 'x', {}, { name: '../x', digest: null }, { name: 'x' }, { name: 'x', digest: 'y' }],
    ],
    ['layout', [undefined, '', 'a/b', 'plain\n', 'a'.repeat(33)]],
    ['excluded', [undefined, 'a', [1], ['a\n'], ['\x9b31m'], ['a'.repeat(4097)]]],
    ['entries', [undefined, -1, 1.5, '1', 2 ** 53]],
    ['stored', [undefined, null]],
    ['bytes', [undefined, Number.NaN]],
  ])('refuses a wrong %s', (name, values) => {
    for (const value of values)
      expect(() => parse({ ...full, [name]: value })).toThrow(`the backup's manifest has no valid '${name}'`);
  });

  it.each([
    ...['', '.', '..', '/etc/passwd', '../x', 'a/b', 'a\0', 'a\n', '\x1b[2J'],
    ...['a'.repeat(256), 'ü'.repeat(128), 1, null, ['x']],
  ])('refuses %j as the name of what it adds to', (file) => {
    expect(() => parse({ ...incremental, base: { digest, file } })).toThrow("no valid 'base'");
  });

  it('takes any name that a file can have for what it adds to', () => {
    for (const file of ['...', '.x', '-', 'a b', 'ü'.repeat(127), 'a'.repeat(255)])
      expect(parse({ ...incremental, base: { digest, file } }).base?.file).toBe(file);
  });

  it('refuses an incremental one without a base', () => {
    expect(() => parse({ ...incremental, base: null })).toThrow("no valid 'base'");
  });

  it.each(['', '[]', 'null', '{', '1', '"x"'])('refuses %j', (text) => {
    expect(() => parseBackupManifest(text)).toThrow(expect.objectContaining({ code: 'CREATE_FAILED' }));
  });

  it('does not take fields from what every object has', () => {
    const text = JSON.stringify({ ...full, version: undefined }).replace('{', '{"__proto__":{"version":1},');
    expect(() => parseBackupManifest(text)).toThrow("no valid 'version'");
  });

  it('of any JSON makes a manifest or says that it cannot', () => {
    const wild = fc.dictionary(fc.constantFrom(...Object.keys(full), '__proto__'), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          wild.map((fields) => JSON.stringify({ ...incremental, ...fields })),
        ),
        (text) => {
          try {
            const manifest = parseBackupManifest(text);
            expect(parse(manifest)).toEqual(manifest);
          } catch (error) {
            expect(error).toMatchObject({ code: 'CREATE_FAILED' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('isDigest', () => {
  it('takes sha256 and 64 digits, nothing else', () => {
    expect(isDigest(digest)).toBe(true);
    const others = [
      `${digest}0`,
      digest.slice(0, -1),
      digest.toUpperCase(),
      `${digest}\n`,
      digest.slice(7),
      [digest],
    ];
    expect(others.some(isDigest)).toBe(false);
  });
});
