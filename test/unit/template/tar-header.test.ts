/** Headers, as we read them and as tar-stream does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHeader } from '../../../src/template/tar-header.js';
import { readTar, type TarHeader } from '../../../src/template/tar-reader.js';
import { encode, type RawEntry, tar } from '../../helpers/tar.js';

const isRead = ({ name, mode, uid, gid, size, mtime, type, linkname, devmajor, devminor }: TarHeader) =>
  ({ name, mode, uid, gid, size, mtime, type, linkname, devmajor, devminor }) as const;

/** By tar-stream. */
function theirs(archive: Buffer): Promise<unknown[]> {
  const found: unknown[] = [];
  return new Promise((resolve, reject) => {
    const reader = readTar();
    reader.on('entry', (header, stream, next) => {
      found.push(isRead(header as unknown as TarHeader));
      stream.on('end', next).resume();
    });
    reader.on('error', reject).on('finish', () => resolve(found));
    reader.end(archive);
  });
}

function ours(archive: Buffer): Promise<unknown[]> {
  const found: unknown[] = [];
  return new Promise((resolve, reject) => {
    const reader = readTar((header) => {
      found.push(isRead(header));
      return undefined;
    });
    reader.on('error', reject).on('finish', () => resolve(found));
    reader.end(archive);
  });
}

const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', 'é'), minLength: 1, maxLength: 40 });
const entry: fc.Arbitrary<RawEntry> = fc.record(
  {
    name: name.map((text) => `${text}x`),
    type: fc.constantFrom('0', '\0', '1', '2', '3', '4', '5', '6', '7', 'Z'),
    mode: fc.nat({ max: 0o7777 }),
    uid: fc.nat({ max: 0o777_7777 }),
    mtime: fc.nat(),
    link: name,
    device: fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 255 })),
    magic: fc.constantFrom('ustar\x0000', 'ustar  \0', 'none'),
    tail: fc.constant(Buffer.alloc(0)),
    pax: fc.dictionary(fc.constantFrom('comment', 'path', 'linkpath'), name),
  },
  { requiredKeys: ['name'] },
);

it('reads headers as tar-stream does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async (entries) => {
      const archive = tar(...entries);
      expect(await ours(archive)).toEqual(await theirs(archive));
    }),
    { numRuns: 500 },
  );
});

describe('a header', () => {
  const sizeOf = (hex: string): number | undefined =>
    decodeHeader(encode({ name: 'a', size: Buffer.from(hex, 'hex') }).subarray(0, 512))?.size;

  it.each([
    ['800000000000000000000005', 5],
    ['800000000000001fffffffff', 2 ** 37 - 1],
    ['ffffffffffffffffffffffff', -1],
    ['810000000000000000000005', Number.NaN],
    ['202020202020202020203120', 1],
    ['000000000000000000000000', 0],
    ['202020202020202020202020', 0],
    ['783030303030303030303030', Number.NaN],
    ['303030303030303030303138', 1],
  ])('whose size is %s has one of %d', (hex, size) => {
    expect(sizeOf(hex)).toBe(size);
  });

  it('is none where all is zero, and wrong where its sum is', () => {
    expect(decodeHeader(Buffer.alloc(512))).toBeNull();
    const block = encode({ name: 'a' });
    block[0] = 0x62;
    expect(() => decodeHeader(block)).toThrow('a header has a wrong checksum');
  });

  it('of an old tar is one of a directory when its name says so', () => {
    const typeOf = (header: RawEntry): unknown => decodeHeader(encode(header).subarray(0, 512))?.type;
    expect(typeOf({ name: 'a/', type: '\0' })).toBe('directory');
    expect(typeOf({ name: 'a', type: '\0' })).toBe('file');
    expect(typeOf({ name: 'a/', type: '0', data: 'x' })).toBe('file');
  });

  it('without records changes nothing of the next', async () => {
    const archive = tar({ name: 'x', type: 'x' }, { name: 'a', data: 'x'.repeat(100) }, { name: 'b' });
    expect(await ours(archive)).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });
});
