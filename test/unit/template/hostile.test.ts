/** Archives of attackers, refused (SECURITY: containerd, Docker and node-tar have fallen to each of these). */
import { describe, expect, it } from 'vitest';
import { unpack } from '../../../src/template/unpack.js';
import { usePrey } from '../../helpers/hostile.js';
import { END, encode, pieces, type RawEntry, tar } from '../../helpers/tar.js';

const isRoot = process.getuid?.() === 0;
const prey = usePrey();

type Case = readonly [what: string, archive: () => Buffer | readonly RawEntry[], complaint: RegExp];

const negative = Buffer.from('ffffffffffffffffffffff00', 'hex');
const huge = Buffer.from('800000000000ffffffffffff', 'hex');
const NO_ROOM = { bytes: 1 << 20, entries: 50 } as const;

const REFUSED: readonly Case[] = [
  ['a name that climbs', () => [{ name: '../canary/file', data: 'x' }], /leads out of the archive/],
  ['a name that climbs later', () => [{ name: 'a/../../../canary/file', data: 'x' }], /leads out/],
  ['a name that is a climb', () => [{ name: '..', type: '5' }], /leads out/],
  ['no name', () => [{ name: '' }], /no name/],
  [
    'a file in place of the tree',
    () => [
      { name: './', type: '0' },
      { name: '.', data: 'x' },
    ],
    /no name/,
  ],
  [
    'a symlink, and a file through it',
    () => [
      { name: 'a', type: '2', link: '../../canary' },
      { name: 'a/file', data: 'x' },
    ],
    /ELOOP.*'a\/file'/,
  ],
  [
    'an absolute symlink, and a file through it',
    () => [
      { name: 'a', type: '2', link: prey.canary },
      { name: 'a/new', data: 'x' },
    ],
    /ELOOP/,
  ],
  [
    'a symlink, and a directory through it',
    () => [
      { name: 'a', type: '2', link: prey.canary },
      { name: 'a/new/', type: '5' },
    ],
    /ELOOP/,
  ],
  [
    'a directory that becomes a symlink',
    () => [
      { name: 'a/', type: '5' },
      { name: 'a', type: '2', link: prey.canary },
      { name: 'a/file', data: 'x' },
    ],
    /ELOOP/,
  ],
  [
    'a filled directory that becomes a symlink',
    () => [
      { name: 'a/b/c', data: '1' },
      { name: 'a/b', type: '2', link: prey.canary },
      { name: 'a/b/file', data: 'x' },
    ],
    /ELOOP/,
  ],
  ['a hard link to outside', () => [{ name: 'a', type: '1', link: '../../canary/file' }], /leads out/],
  ['an absolute hard link', () => [{ name: 'a', type: '1', link: `${prey.canary}/file` }], /ENOENT/],
  [
    'a hard link through a symlink',
    () => [
      { name: 's', type: '2', link: prey.canary },
      { name: 'a', type: '1', link: 's/file' },
    ],
    /ELOOP/,
  ],
  ['a hard link to nothing', () => [{ name: 'a', type: '1' }], /no name/],
  ['a hard link to the tree', () => [{ name: 'a', type: '1', link: './' }], /links to nothing/],
  ['a symlink to nothing', () => [{ name: 'a', type: '2' }], /links to nothing/],
  [
    'a PAX path that climbs',
    () => [{ name: 'good', data: 'x', pax: { path: '../../canary/file' } }],
    /leads out/,
  ],
  [
    'a PAX path with a zero byte',
    () => [{ name: 'good', data: 'x', pax: { path: 'a\0/../b' } }],
    /zero byte/,
  ],
  [
    'a PAX link path that climbs',
    () => [{ name: 'a', type: '1', link: 'b', pax: { linkpath: '../../canary/file' } }],
    /leads out/,
  ],
  [
    'a PAX header for everything that follows',
    () => [
      { name: 'g', type: 'g', data: '29 path=../../../canary/file\n' },
      { name: 'a', data: 'x', pax: { comment: '1' } },
    ],
    /leads out|malformed/,
  ],
  [
    'a malformed PAX header',
    () => [{ name: 'p', type: 'x', data: '999 path=a\n' }, { name: 'a' }],
    /malformed/,
  ],
  [
    'a PAX header without end',
    () => [{ name: 'p', type: 'x', data: '0 path=a\n' }, { name: 'a' }],
    /malformed/,
  ],
  ['a PAX size that is none', () => [{ name: 'a', data: 'x', pax: { size: '-1' } }], /malformed/],
  [
    'a PAX size of exabytes',
    () => [{ name: 'a', data: 'x', pax: { size: '9007199254740991' } }],
    /larger than the limit/,
  ],
  ['a PAX user id that is none', () => [{ name: 'a', pax: { uid: '4294967295' } }], /no valid user id/],
  ['a PAX time that is none', () => [{ name: 'a', pax: { mtime: 'soon' } }], /no valid time/],
  [
    'a GNU long name that climbs',
    () => [
      { name: 'l', type: 'L', data: '../../canary/file\0' },
      { name: 'a', data: 'x' },
    ],
    /leads out/,
  ],
  ['a GNU long name of a gigabyte', () => encodeOnly({ name: 'l', type: 'L', size: 2 ** 30 }), /exceeds/],
  ['a GNU long link of a gigabyte', () => encodeOnly({ name: 'l', type: 'K', size: 2 ** 30 }), /exceeds/],
  ['a path that is too long', () => [{ name: 'a', pax: { path: 'd/'.repeat(3000) } }], /too long a path/],
  ['a name that is too long', () => [{ name: 'a', pax: { path: 'n'.repeat(256) } }], /too long a name/],
  ['a path that is too deep', () => [{ name: 'a', pax: { path: 'd/'.repeat(300) } }], /too deep/],
  ['a negative size', () => encodeOnly({ name: 'a', size: negative }), /damaged/],
  ['a size of petabytes', () => encodeOnly({ name: 'a', size: huge }), /larger than the limit/],
  ['a size that is more than there is', () => encodeOnly({ name: 'a', data: 'x', size: 5000 }), /damaged/],
  [
    'many entries',
    () => Array.from({ length: 60 }, (_, i) => ({ name: `f${i}` })),
    /larger than the limit of 50 entries/,
  ],
  [
    'many bytes',
    () => [
      { name: 'a', data: Buffer.alloc(900_000) },
      { name: 'b', data: Buffer.alloc(900_000) },
    ],
    /larger than the limit/,
  ],
  ['a device number that is none', () => [{ name: 'a', type: '3', device: [4096, 0] }], /device number/],
  [
    'extended attributes without measure',
    () => [{ name: 'a', pax: { 'SCHILY.xattr.user.a': 'x'.repeat(70_000) } }],
    /too many extended attributes/,
  ],
  ['a kind that nobody knows', () => [{ name: 'a', type: 'Z' }], /not supported/],
  ['a wrong checksum', () => corrupted(), /damaged/],
  ['no archive at all', () => Buffer.from('#!/bin/sh\nexit 0\n'.repeat(100)), /damaged/],
];

const WHITEOUTS: readonly Case[] = [
  ['a whiteout of the directory above', () => [{ name: 'a/.wh...' }], /hides no name/],
  ['a whiteout of the directory', () => [{ name: 'a/.wh..' }], /hides no name/],
  ['a whiteout of nothing', () => [{ name: '.wh.' }], /hides no name/],
  ['a whiteout with a climb', () => [{ name: '.wh.../../canary' }], /hides no name|leads out/],
  [
    'a whiteout through a symlink',
    () => [{ name: 'a', type: '2', link: prey.canary }, { name: 'a/.wh.file' }],
    /ELOOP/,
  ],
  [
    'an opaque symlink, and a file through it',
    () => [{ name: 'a', type: '2', link: prey.canary }, { name: 'a/b/.wh..wh..opq' }],
    /ELOOP/,
  ],
];

function encodeOnly(entry: RawEntry): Buffer {
  return Buffer.concat([encode(entry), END]);
}

function corrupted(): Buffer {
  const archive = tar({ name: 'a', data: 'x' });
  archive[0] = 0x62;
  return archive;
}

describe.runIf(isRoot)('an archive is refused that has', () => {
  it.each(REFUSED)('%s', async (_, archive, complaint) => {
    await expectRefused(archive(), complaint, false);
  });

  it.each(WHITEOUTS)('%s', async (_, archive, complaint) => {
    await expectRefused(archive(), complaint, true);
  });
});

async function expectRefused(
  made: Buffer | readonly RawEntry[],
  complaint: RegExp,
  whiteouts: boolean,
): Promise<void> {
  const archive = Buffer.isBuffer(made) ? made : tar(...(made as readonly RawEntry[]));
  const unpacking = unpack(pieces(archive), prey.root, { limits: NO_ROOM, whiteouts });
  await expect(unpacking).rejects.toThrow(complaint);
  prey.expectUntouched();
}
