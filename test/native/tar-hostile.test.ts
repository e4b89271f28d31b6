/** What CRIU finds for tar does with archives of strangers. */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractImage, HEAD } from '../helpers/criu-tar.js';
import { usePrey } from '../helpers/hostile.js';
import { END, encode, type RawEntry, tar } from '../helpers/tar.js';

const prey = usePrey();
const gnu = (entry: RawEntry): RawEntry => ({ magic: 'ustar  \0', ...entry });
const archive = (...entries: readonly RawEntry[]): Buffer => tar(...entries.map(gnu));
const image = (bytes: Buffer): Buffer => Buffer.concat([HEAD, gzipSync(bytes, { level: 0 }).subarray(10)]);

/** Changes a byte without the header's sum. */
const damaged = (bytes: Buffer, at: number, value?: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = value ?? (copy[at] ?? 0) ^ 0x40;
  return copy;
};

const PLAIN = archive({ name: './a', data: 'hello' });
const top12 = (byte: number): Buffer => Buffer.from([byte, ...Array<number>(11).fill(0xff)]);

describe('an archive of a stranger', () => {
  it('is one that is taken, if nothing is wrong with it', () => {
    expect(extractImage(image(PLAIN), prey.root)).toMatchObject({ status: 0, stderr: '' });
    expect(fs.readFileSync(`${prey.root}/a`, 'utf8')).toBe('hello');
  });

  it.each<[string, Buffer, string]>([
    [
      'a name that leads up',
      archive({ name: './../canary/new' }),
      './../canary/new is no name below the directory',
    ],
    ['a name that leads up later', archive({ name: './a/../../x' }), 'is no name below'],
    ['an absolute name', archive({ name: '/tmp/x' }), '/tmp/x is no name below the directory'],
    ['a name without the dot', archive({ name: 'x' }), 'x is no name below the directory'],
    ['an empty part', archive({ name: './a//b' }), 'is no name below'],
    ['a directory that is above', archive({ name: './..', type: '5' }), 'is no name below'],
    ['a file that ends in a slash', archive({ name: './a/' }), 'is no name of a file'],
    ['no name at all', archive({ name: './' }), 'is no name of a file'],
    [
      'a file through a link',
      archive({ name: './l', type: '2', link: '../../canary' }, { name: './l/file', data: 'x' }),
      './l/file cannot be made: errno 40',
    ],
    [
      'a directory that becomes a link',
      archive({ name: './d/', type: '5', mode: 0o777 }, { name: './d', type: '2', link: '../../canary' }),
      './d cannot be made: errno 21',
    ],
    [
      'a hard link through a link',
      archive({ name: './l', type: '2', link: '../../canary' }, { name: './h', type: '1', link: './l/file' }),
      './h cannot be made: errno 40',
    ],
    [
      'a hard link to outside',
      archive({ name: './h', type: '1', link: './../../canary/file' }),
      'is a link to outside',
    ],
    [
      'an absolute hard link',
      archive({ name: './h', type: '1', link: '/etc/passwd' }),
      'is a link to outside',
    ],
    ['a hard link to a directory', archive({ name: './h', type: '1', link: './' }), 'is a link to outside'],
    [
      'a hard link to nothing',
      archive({ name: './h', type: '1', link: './gone' }),
      'cannot be made: errno 2',
    ],
    ['no kind', archive({ name: './a', type: '\0' }), 'is of a kind that is not known'],
    ['an unknown kind', archive({ name: './a', type: 'S' }), 'is of a kind that is not known'],
    [
      'a link with contents',
      archive({ name: './a', type: '2', link: 'x', data: 'y' }),
      'has contents that it cannot',
    ],
    [
      'a long name without an end',
      archive({ name: 'x', type: 'L', data: 'y'.repeat(512) }),
      'has a name without an end',
    ],
    ['a name without an end', archive({ name: `./${'n'.repeat(98)}` }), 'has a name without an end'],
    ['contents beyond the end', archive({ name: './a', size: 0o7777 }), 'has an entry that ends behind it'],
    ['a length of all bits', archive({ name: './a', size: top12(0x80) }), 'has an entry that ends behind it'],
    ['a length below zero', archive({ name: './a', size: top12(0xff) }), 'has an entry that ends behind it'],
    [
      'a length that is no number',
      archive({ name: './a', size: Buffer.from('00000000x05\0') }),
      'ends behind it',
    ],
    ['no end', PLAIN.subarray(0, 1024), 'the archive ends too early'],
    ['half a header', PLAIN.subarray(0, 300), 'the archive ends too early'],
    ['another magic', tar({ name: './a' }), 'has a header that is not whole'],
    ['a header that was changed', damaged(PLAIN, 2), 'has a header that is not whole'],
    ['nothing', Buffer.alloc(0), 'the archive ends too early'],
  ])('is refused: %s', (_, bytes, message) => {
    const { status, stderr } = extractImage(image(bytes), prey.root);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
    prey.expectUntouched();
  });

  it('is refused when a part of it is missing, or was changed on the way', () => {
    const whole = image(PLAIN);
    const cut = [17, 20, 24, 28, whole.length - 1].map((length) => whole.subarray(0, length));
    const changed = Array.from({ length: 40 }, (_, i) =>
      damaged(whole, 16 + Math.floor((i * (whole.length - 17)) / 39)),
    );
    for (const each of [...cut, ...changed, Buffer.concat([whole, Buffer.from('x')])]) {
      const { status, stderr } = extractImage(each, prey.root);
      expect({ status, stderr }).toEqual({ status: 2, stderr: 'tar: the archive is not whole\n' });
    }
    expect(fs.readdirSync(prey.root)).toEqual([]);
  });

  it('is never followed to outside, whatever it says', () => {
    const name = fc
      .array(fc.constantFrom('.', '..', 'a', 'b', 'l', '', '/tmp'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'))
      .chain((path) => fc.constantFrom(path, `./${path}`));
    const entry: fc.Arbitrary<RawEntry> = fc.record({
      name,
      type: fc.constantFrom('0', '1', '2', '5', '6', 'L', 'K'),
      link: fc.oneof(name, fc.constantFrom('../../canary', '../../canary/file', `${prey.canary}`)),
      data: fc.constantFrom('', 'x', '../../canary/file\0', './l/file\0'),
    });
    const change = fc.tuple(fc.nat(4095), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 6 }),
        fc.array(change, { maxLength: 1 }),
        (entries, changes) => {
          for (const left of fs.readdirSync(prey.root)) fs.rmSync(join(prey.root, left), { recursive: true });
          let bytes: Buffer = Buffer.concat([...entries.map((each) => encode(gnu(each))), END]);
          for (const [at, value] of changes) if (at < bytes.length) bytes = damaged(bytes, at, value);
          const { status, signal } = extractImage(image(bytes), prey.root);
          expect({ status, signal }).toEqual({ status: expect.toBeOneOf([0, 2]), signal: null });
          prey.expectUntouched();
        },
      ),
      { numRuns: 300 },
    );
  });
});
