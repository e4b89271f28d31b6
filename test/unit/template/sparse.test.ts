/** Sparse files of GNU tar in all its formats, as tar writes them and as an attacker does. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type UnpackOptions, type UnpackProgress, unpack } from '../../../src/template/unpack.js';
import { pieces, type RawEntry, tar } from '../../helpers/tar.js';

const isRoot = process.getuid?.() === 0;

let directory: string;
let root: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-sparse-`);
  root = `${directory}/root`;
  mkdirSync(root);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (archive: Buffer, options: UnpackOptions = {}, size = 700): Promise<UnpackProgress> =>
  unpack(pieces(archive, size), root, options);

const FORMATS = [
  ['old GNU', ['--format=gnu']],
  ['PAX 0.0', ['--format=posix', '--sparse-version=0.0']],
  ['PAX 0.1', ['--format=posix', '--sparse-version=0.1']],
  ['PAX 1.0', ['--format=posix', '--sparse-version=1.0']],
] as const;

/** Files with a few pieces, with more than a header has room for, with none, and one of zeros only at its end. */
const MAKE = `
  cd "$1"
  few() { printf begin >few; printf middle | dd of=few bs=1 seek=1000003 conv=notrunc status=none; truncate -s 3000001 few; }
  many() { for i in $(seq 70); do printf "piece $i" | dd of=many bs=1 seek=$((i * 65536 + i)) conv=notrunc status=none; done; }
  few; many; truncate -s 5000000 none; printf x >plain; chmod 4751 few; touch -d @1234567890.123456789 many
`;

describe.runIf(isRoot)('sparse files', () => {
  it.each(FORMATS)(
    'are what tar packed, holes and all (%s)',
    async (_, options) => {
      const source = `${directory}/source`;
      mkdirSync(source);
      execFileSync('sh', ['-c', MAKE, 'sh', source]);
      const archive = execFileSync('tar', ['-C', source, '--sparse', ...options, '-c', '.']);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 50, max: 20_000 }), async (size) => {
          rmSync(root, { recursive: true });
          mkdirSync(root);
          await put(archive, {}, size);
          execFileSync('diff', ['-r', source, root]);
        }),
        { numRuns: 4 },
      );
      // A file system may keep its own books in a few more.
      const blocks = (path: string): number => statSync(path).blocks;
      for (const name of ['few', 'many', 'none'])
        expect(blocks(`${root}/${name}`), name).toBeLessThanOrEqual(blocks(`${source}/${name}`) + 16);
      expect(statSync(`${root}/few`).mode & 0o7777).toBe(0o4751);
    },
    30_000,
  );

  it('are named by their own record, which is checked as every name is', async () => {
    const pax = { 'GNU.sparse.name': '../../evil', 'GNU.sparse.size': '0' };
    await expect(put(tar({ name: 'good', pax }))).rejects.toThrow(/'..\/..\/evil' leads out/);
  });

  it('count with their holes', async () => {
    const { bytes } = await put(tar(one('1000000', '5,1', 'x')));
    expect(bytes).toBe(1_000_000);
    expect(readFileSync(`${root}/a`)[5]).toBe(0x78);
    await expect(put(tar(one('1000000', '5,1', 'x')), { limits: { bytes: 999_999 } })).rejects.toThrow(
      /larger than the limit of 999999 bytes/,
    );
  });
});

const one = (size: string, map: string, data: string, more: RawEntry['pax'] = {}): RawEntry => ({
  name: 'a',
  data,
  pax: { 'GNU.sparse.size': size, 'GNU.sparse.map': map, ...more },
});

const numbered = (size: string, body: string): RawEntry => ({
  name: 'a',
  data: body,
  pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': size },
});

/** Of old GNU tar. `head`: what is in its header from the map on. */
function old(size: string, map: readonly string[], body: Buffer, isExtended = false, counted = 0): RawEntry {
  const head = Buffer.alloc(109);
  map.forEach((number, i) => void head.write(number, i * 12));
  head[96] = isExtended ? 1 : 0;
  head.write(size, 97);
  return { name: 'a', type: 'S', data: body, size: counted, magic: 'ustar  \0', tail: head };
}

const block = (text: string): string => text.padEnd(Math.ceil(text.length / 512) * 512, '\0');
const FULL = ['0', '1', '1', '1', '2', '1', '3', '1'].map((digit) => digit.padStart(11, '0'));

const WRONG: readonly (readonly [what: string, entry: RawEntry])[] = [
  ['pieces that overlap', one('10', '0,3,2,3', 'abcdef')],
  ['pieces out of order', one('10', '5,1,0,1', 'ab')],
  ['a piece behind its end', one('10', '9,2', 'ab')],
  ['a piece that starts behind its end', one('10', '11,0', '')],
  ['more data than pieces', one('10', '0,1', 'ab')],
  ['less data than pieces', one('10', '0,3', 'ab')],
  ['a number that is none', one('10', '0,x', 'ab')],
  ['a negative number', one('10', '0,-1', 'ab')],
  ['half a piece', one('10', '0,1,2', 'a')],
  ['a wrong count', one('10', '0,1', 'a', { 'GNU.sparse.numblocks': '2' })],
  ['a number beyond all', one('10', '0,9007199254740993', 'a')],
  ['a size that is none', one('-10', '0,1', 'a')],
  ['no size', { name: 'a', data: 'a', pax: { 'GNU.sparse.map': '0,1' } }],
  ['a format of the future', one('10', '0,1', 'a', { 'GNU.sparse.major': '2' })],
  ['no map', numbered('10', '')],
  ['a map that ends early', numbered('10', block('2\n0\n1\n'))],
  ['a map without padding', numbered('10', '1\n0\n1\nx')],
  ['a map of words', numbered('10', block('one\n0\n1\n'))],
  ['a count without end', numbered('10', '1'.repeat(1000))],
  ['a count beyond all', numbered('10', block('1000001\n'))],
  ['pieces that overlap, in its data', numbered('10', `${block('2\n0\n2\n1\n2\n')}abcd`)],
  ['too little data behind the map', numbered('10', `${block('1\n0\n2\n')}a`)],
  [
    'an old map out of order',
    old(
      '0000000012',
      ['00000000005', '00000000001', '00000000000', '00000000001'],
      Buffer.from('ab'),
      false,
      2,
    ),
  ],
  ['an old map of no numbers', old('0000000012', ['0000000000x', '00000000001'], Buffer.from('a'), false, 1)],
  ['an old size of no number', old('xyz', ['00000000000', '00000000001'], Buffer.from('a'), false, 1)],
  ['an old map that goes on too early', old('0000000012', FULL.slice(0, 2), Buffer.alloc(512), true)],
  ['an old map that goes on and is of no numbers', old('0000000012', FULL, Buffer.alloc(512, 'z'), true)],
  [
    'both kinds of map',
    { ...old('0000000012', FULL, Buffer.from('abcd'), false, 4), pax: { 'GNU.sparse.size': '1' } },
  ],
  ['a map, but is no file', { name: 'a', type: '5', pax: { 'GNU.sparse.size': '0' } }],
];

describe.runIf(isRoot)('a sparse file is refused that has', () => {
  it.each(WRONG)('%s', async (_, entry) => {
    await expect(put(tar(entry))).rejects.toThrow("'a' is a sparse file whose map is wrong");
  });

  it.each([
    ['a map that the archive cuts off', tar(old('0000000012', FULL, Buffer.alloc(0), true)).subarray(0, 512)],
    [
      'numbers in the wrong order',
      tar({ name: 'a', pax: { 'GNU.sparse.numbytes': '1', 'GNU.sparse.offset': '1' } }),
    ],
  ])('%s', async (_, archive) => {
    await expect(put(archive)).rejects.toThrow(/damaged/);
  });

  it('a size of petabytes', async () => {
    await expect(put(tar(one('9007199254740991', '', '')))).rejects.toThrow(/larger than the limit/);
  });

  it('more pieces than are allowed', async () => {
    const limits = { pieces: 1 };
    for (const entry of [one('10', '0,1,2,1', 'ab'), numbered('10', `${block('2\n0\n1\n2\n1\n')}ab`)])
      await expect(put(tar(entry), { limits })).rejects.toThrow(/map is wrong/);
  });

  it('a map without end', async () => {
    const full = Buffer.alloc(512);
    for (let i = 0; i < 42; i += 1) full.write('00000000001', i * 12);
    full[504] = 1;
    const endless = old('77777777777', FULL, Buffer.concat(Array.from({ length: 50 }, () => full)), true);
    await expect(put(tar(endless), { limits: { pieces: 500 } })).rejects.toThrow(/map is wrong/);
  });

  it('a type that star uses as well', async () => {
    await expect(put(tar({ name: 'a', type: 'S' }))).rejects.toThrow(/kind that is not supported/);
  });
});
