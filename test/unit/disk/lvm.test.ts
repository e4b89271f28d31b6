/** LVM metadata, honest and not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logicalVolumes, readPhysicalVolume } from '../../../src/disk/lvm.js';
import { parseLvmText } from '../../../src/disk/lvm-text.js';
import { sourceOf } from '../../../src/disk/source.js';
import { findVolumes } from '../../../src/disk/volumes.js';
import { CellaError } from '../../../src/errors.js';
import { groupText, physicalVolume } from '../../helpers/lvm.js';

const MIB = 1 << 20;
const UUID = 'abcdefghijklmnopqrstuvwxyz012345';
const OTHER = '0123456789abcdefghijklmnopqrstuv';
const SIZE = 12 * MIB;
const WHOLE = { offset: 0, length: SIZE };
const at = (offset: number, length: number): object => ({ offset: offset * MIB, length: length * MIB });

function disk(text: string): Buffer {
  const bytes = Buffer.alloc(SIZE);
  physicalVolume(SIZE, UUID, text).copy(bytes);
  return bytes;
}

function volumes(text: string): ReturnType<typeof logicalVolumes> {
  return logicalVolumes([readPhysicalVolume(sourceOf(disk(text)), WHOLE)]);
}

const TEXT = groupText([UUID], {
  root: [
    { pv: 0, first: 0, count: 2 },
    { pv: 0, first: 2, count: 1 },
    { pv: 0, first: 5, count: 3 },
  ],
});

describe('logical volumes', () => {
  it('are ranges of the disk, those side by side being one', () => {
    expect(volumes(TEXT)).toEqual([
      { group: 'my-group', name: 'root', problem: undefined, ranges: [at(1, 3), at(6, 3)] },
    ]);
  });

  it('are found on a disk that is a physical volume as a whole', () => {
    expect(findVolumes(sourceOf(disk(TEXT))).volumes.map(({ name }) => name)).toEqual([
      'disk',
      'my-group/root',
    ]);
  });

  it.each([
    ['segments', TEXT.replace('segment_count = 3', 'segment_count = 4000000000'), /segments cannot be/],
    ['a place', TEXT.replace('"pv0", 5', '"pv0", 99999999999'), /beyond the end of its physical volume/],
    ['a negative place', TEXT.replace('"pv0", 5', '"pv0", -5'), /beyond the end of its physical volume/],
    ['a length', TEXT.replace('extent_count = 3', 'extent_count = 9007199254740991'), /beyond the end/],
    ['an extent', TEXT.replace('extent_size = 2048', 'extent_size = 0'), /beyond the end/],
    ['an order', TEXT.replace('start_extent = 2', 'start_extent = 1'), /is not where the one before/],
    ['a kind', TEXT.replace('"striped"', '"thin"'), /of the kind 'thin'/],
    ['stripes', TEXT.replace('stripe_count = 1', 'stripe_count = 2'), /not linear/],
    ['another disk', TEXT.replace(`id = "${UUID}"`, `id = "${OTHER}"`), /lies on another disk/],
  ])('with %s that cannot be are told with what is wrong', (_, text, problem) => {
    expect(volumes(text)).toMatchObject([
      { name: 'root', ranges: [], problem: expect.stringMatching(problem) },
    ]);
  });

  it('do not name extents again and again to become larger than their disk', () => {
    const segments = Array.from({ length: 100 }, () => ({ pv: 0, first: 0, count: 9 }));
    expect(volumes(groupText([UUID], { bomb: segments }))).toMatchObject([
      { problem: 'it is larger than its disk' },
    ]);
  });

  it('are not guessed from metadata whose checksum is wrong', () => {
    const bytes = disk(TEXT);
    bytes.write('X', 4620);
    expect(() => logicalVolumes([readPhysicalVolume(sourceOf(bytes), WHOLE)])).toThrow(
      'no LVM metadata of the disk image are whole',
    );
  });
});

describe('the text', () => {
  it('has sections, numbers, strings and lists', () => {
    expect(parseLvmText('a { b = 1 # c\n d = ["x", 2,]\n e = "q\\"\\\\" }\nf = -1.5')).toEqual(
      new Map<string, unknown>([
        [
          'a',
          new Map<string, unknown>([
            ['b', 1],
            ['d', ['x', 2]],
            ['e', 'q"\\'],
          ]),
        ],
        ['f', -1.5],
      ]),
    );
  });

  it.each(['a {', 'a = ', 'a = [1', '}', 'a = b', '= 1', 'a "', '{'.repeat(100), 'a{'.repeat(50), '[[1]]'])(
    'is refused when it is %j',
    (text) => {
      expect(() => parseLvmText(text)).toThrow('cannot be read');
    },
  );

  it('whatever it is ends in a result or in one sentence', () => {
    const words = fc.array(
      fc.oneof(fc.constantFrom('{', '}', '[', ']', '=', ',', '"', '#', '\n', ' '), fc.string()),
    );
    fc.assert(
      fc.property(words, (parts) => {
        try {
          parseLvmText(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(CellaError);
        }
      }),
    );
  });
});

it('whatever byte of a physical volume is changed, it ends in a result or in one sentence', () => {
  fc.assert(
    fc.property(fc.nat(8191), fc.uint8Array({ minLength: 1, maxLength: 64 }), (where, noise) => {
      const bytes = disk(TEXT);
      bytes.set(noise, where);
      try {
        findVolumes(sourceOf(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(CellaError);
      }
    }),
    { numRuns: 100 },
  );
});
