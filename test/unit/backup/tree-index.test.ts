/** Lists of files: what is written is read, and what a stranger writes is refused or harmless. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatIndex,
  type IndexEntry,
  parseIndex,
  sizeOf,
  type TreeIndex,
  typeOf,
} from '../../../src/backup/tree-index.js';
import { DEFAULT_LIMITS } from '../../../src/template/limits.js';
import { type Facts, formatFacts, trees } from './model.js';

const byte = (min: number): fc.Arbitrary<string> =>
  fc
    .oneof(fc.integer({ min, max: 255 }), fc.constantFrom(32, 37, 10, 48))
    .map((code) => String.fromCharCode(code));
const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: byte(1), maxLength });
const name = text(12).map((some) => some.replaceAll('/', '|').replace(/^\.{0,2}$/, 'dots'));
const digest = fc.oneof(fc.constant(''), fc.constant('0123456789abcdef'.repeat(2)));
const time = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((seconds) => seconds * 1_000_000_000n);

const facts: fc.Arbitrary<Facts> = fc.record({
  type: fc.constantFrom('f', 'l', 'c', 'b', 'p'),
  mode: fc.nat({ max: 0o7777 }),
  uid: fc.nat({ max: 2 ** 32 - 2 }),
  gid: fc.nat({ max: 2 ** 32 - 2 }),
  size: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  modified: time,
  device: fc.constantFrom('', '1:3', '4095:1048575'),
  attributes: digest,
  contents: digest,
  link: text(40),
});

const TOP = 'd 755 0 0 0 0 - - - -';
const top: IndexEntry = { path: '', stored: true, group: 0, changed: '0', facts: TOP };

const indexes: fc.Arbitrary<TreeIndex> = fc
  .uniqueArray(fc.record({ name, facts, stored: fc.boolean(), group: fc.nat({ max: 9 }), time }), {
    selector: (one) => one.name,
    maxLength: 8,
  })
  .map((all) => {
    const below = all.map((one): [string, IndexEntry] => {
      const path = `d/${one.name}`;
      const { stored, group } = one;
      return [path, { path, stored, group, changed: String(one.time), facts: formatFacts(one.facts) }];
    });
    return new Map([['', top], ['d', { ...top, path: 'd' }], ...below]);
  });

const bytesOf = (index: TreeIndex): Buffer => Buffer.concat([...formatIndex(index)]);
const read = (...lines: readonly string[]): TreeIndex =>
  parseIndex(Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1'));

describe('formatIndex and parseIndex', () => {
  it('read what they wrote, whatever the names', () => {
    fc.assert(
      fc.property(indexes, (index) => {
        expect([...parseIndex(bytesOf(index))]).toEqual([...index]);
      }),
    );
  });

  it('read the longest line that a file can have', () => {
    const deep = Array.from({ length: 15 }, (_, i) => '\n'.repeat(250) + i);
    const paths = deep.map((_, i) => deep.slice(0, i + 1).join('/'));
    const link = formatFacts({
      ...{
        type: 'l',
        mode: 0o777,
        uid: 2 ** 32 - 2,
        gid: 2 ** 32 - 2,
        size: 2n ** 63n - 1n,
        modified: -(2n ** 93n),
      },
      ...{ device: '', attributes: 'a'.repeat(32), contents: 'b'.repeat(32), link: '%'.repeat(4095) },
    });
    const index = new Map([
      ['', top],
      ...paths.map((path): [string, IndexEntry] => [path, { ...top, path }]),
    ]);
    const last = `${paths.at(-1)}/${'%'.repeat(200)}`;
    index.set(last, { ...top, path: last, facts: link });
    expect([...parseIndex(bytesOf(index))]).toEqual([...index]);
  });

  it('read many lines, in the pieces that they are written in', () => {
    const paths = Array.from({ length: 10_000 }, (_, i) => `file ${i}`);
    const index = new Map([
      ['', top],
      ...paths.map((path): [string, IndexEntry] => [path, { ...top, path }]),
    ]);
    expect([...formatIndex(index)]).toHaveLength(3);
    expect(parseIndex(bytesOf(index))).toEqual(index);
  });

  it('tell what an entry is', () => {
    const entry = (some: Partial<Facts>): IndexEntry => ({
      ...top,
      facts: formatFacts({
        ...{ type: 'f', mode: 0o644, uid: 0, gid: 0, size: 12n, modified: 1n, device: '', attributes: '' },
        ...{ contents: 'ab'.repeat(16), link: '' },
        ...some,
      }),
    });
    expect([typeOf(entry({})), sizeOf(entry({}))]).toEqual(['f', 12]);
    expect(entry({ type: 'l', contents: '', link: 'a b%\n' }).facts).toBe('l 644 0 0 12 1 - - - a%20b%25%0a');
  });
});

describe('parseIndex', () => {
  const line = (path: string, type = 'f'): string => `+ 0 0 ${type} 644 0 0 0 0 - - - - ${path}`;
  const root = line('/', 'd');

  it.each<[string, readonly string[]]>([
    ['nothing', []],
    ['an empty line', [root, '']],
    ['a first line that is not the top', [line('/a')]],
    ['a top that is no directory', [line('/')]],
    ['a second top', [root, root]],
    ['a path twice', [root, line('/a'), line('/a')]],
    ['a path twice, escaped', [root, line('/a'), line('/%61')]],
    ['a path before its directory', [root, line('/a/b'), line('/a', 'd')]],
    ['a path in a file', [root, line('/a'), line('/a/b')]],
    ['a path in a link', [root, line('/a', 'l'), line('/a/b')]],
    ['a path of the host', [root, line('a')]],
    ['a path that leads out', [root, line('/..')]],
    ['a path that leads out, below', [root, line('/a', 'd'), line('/a/..')]],
    ['a path that leads out, escaped', [root, line('/a', 'd'), line('/a%2f..')]],
    ['a dot', [root, line('/.')]],
    ['a slash too many', [root, line('//a')]],
    ['a slash at the end', [root, line('/a', 'd'), line('/a/')]],
    ['a zero byte', [root, line('/a%00b')]],
    ['too long a name', [root, line(`/${'a'.repeat(256)}`)]],
    ['a blank in a path', [root, line('/a b')]],
    ['too long a line', [root, line(`/${'%61'.repeat(20_000)}`)]],
    ['an unknown type', [root, line('/a', 's')]],
    ['no fields', [root, '+ /a']],
    ['another mark', [root, line('/a').replace('+', '-')]],
    ['a mode that is none', [root, line('/a').replace('644', '888')]],
    ['a group that is none', [root, line('/a').replace('+ 0', '+ -1')]],
    ['a size that is none', [root, line('/a').replace('0 0 0 - ', '0 -1 0 - ')]],
    ['a carriage return', [root, `${line('/a')}\r\n `]],
  ])('refuses %s', (_, lines) => {
    expect(() => read(...lines)).toThrow(expect.objectContaining({ code: 'CREATE_FAILED' }));
  });

  it('refuses a list that is cut short, and more entries or levels than a tree may have', () => {
    const bytes = Buffer.from(`${root}\n${line('/a', 'd')}\n${line('/a/b')}\n`);
    expect(parseIndex(bytes).size).toBe(3);
    expect(() => parseIndex(bytes.subarray(0, -1))).toThrow('index is damaged');
    expect(() => parseIndex(bytes, { ...DEFAULT_LIMITS, entries: 2 })).toThrow('index is damaged');
    expect(() => parseIndex(bytes, { ...DEFAULT_LIMITS, depth: 1 })).toThrow('lies too deep');
  });

  it('of anything else makes a tree or says that it cannot', () => {
    const change = fc.record({ at: fc.nat(), to: byte(0), by: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(
        fc.oneof(indexes, trees),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (index, changes) => {
          let bytes = bytesOf(index).toString('latin1');
          for (const { at, to, by } of changes) {
            const place = at % bytes.length;
            bytes = bytes.slice(0, place) + to + bytes.slice(place + by);
          }
          expectTreeOrComplaint(Buffer.from(bytes, 'latin1'));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

function expectTreeOrComplaint(bytes: Buffer): void {
  let index: TreeIndex;
  try {
    index = parseIndex(bytes);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CREATE_FAILED' });
    return;
  }
  for (const [path, entry] of index) {
    expect(entry.path).toBe(path);
    if (path === '') continue;
    expect(path.split('/').every((part) => !['', '.', '..'].includes(part) && !part.includes('\0'))).toBe(
      true,
    );
    const above = index.get(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    expect(above && typeOf(above)).toBe('d');
  }
  expect([...parseIndex(bytesOf(index))]).toEqual([...index]);
}
