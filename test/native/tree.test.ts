/** Filling a tree: success, and each errno that a caller may see. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../../src/native/binding.js';
import { type EntryKind, type TreeEntry, TreeWriter } from '../../src/template/tree-writer.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-tree-`);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function entry(kind: EntryKind, path: string, more: Partial<TreeEntry> = {}): TreeEntry {
  const nothing = Buffer.alloc(0);
  const rest = { uid: 0, gid: 0, mtime: 0n, link: nothing, major: 0, minor: 0, size: 0, xattrs: [] };
  return { kind, path: Buffer.from(path), mode: 0o644, ...rest, ...more };
}

async function put(...entries: readonly TreeEntry[]): Promise<void> {
  const writer = new TreeWriter(directory);
  for (const each of entries) writer.add(each);
  await writer.finish();
}

/** A record of data in the memories of a batch. */
const data = (memory: number, offset: number, length: number): readonly number[] => [
  ...new Uint8Array(Uint32Array.of(8, memory, offset, length).buffer),
];

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('openTree', () => {
  it('takes directories only, and follows no link', () => {
    writeFileSync(`${directory}/file`, '');
    symlinkSync(directory, `${directory}/link`);
    for (const [name, code] of [
      ['none', 'ENOENT'],
      ['file', 'ENOTDIR'],
      ['link', 'ENOTDIR'],
    ])
      expect(() => native().openTree(`${directory}/${name}`)).toThrow(
        expect.objectContaining({ code, syscall: 'open', path: `${directory}/${name}` }),
      );
  });
});

describe('addToTree', () => {
  it.each([
    ['ELOOP', 'openat2', 'a/b', [entry('symlink', 'a', { link: Buffer.from('/') }), entry('file', 'a/b')]],
    ['ENOTDIR', 'openat2', 'a/b', [entry('file', 'a'), entry('file', 'a/b')]],
    ['EXDEV', 'openat2', '../a/b', [entry('file', '../a/b')]],
    ['EINVAL', 'openat2', '..', [entry('directory', '..')]],
    ['EINVAL', 'openat2', 'a/', [entry('file', 'a/')]],
    ['ENAMETOOLONG', 'open', 'n'.repeat(256), [entry('file', 'n'.repeat(256))]],
    ['ENOENT', 'link', 'a', [entry('link', 'a', { link: Buffer.from('b') })]],
    ['EPERM', 'link', 'b', [entry('directory', 'a'), entry('link', 'b', { link: Buffer.from('a') })]],
    [
      'EPERM',
      'setxattr',
      'a',
      [entry('file', 'a', { xattrs: [['trusted.overlay.redirect', Buffer.from('/')]] })],
    ],
    [
      'EINVAL',
      'setxattr',
      'a',
      [entry('file', 'a', { xattrs: [['security.capability', Buffer.from('x')]] })],
    ],
    ['EBADMSG', 'unpack', 'a', [entry('file', 'a', { size: 1 })]],
  ] as const)('fails with %s of %s, and names the entry', async (code, syscall, path, entries) => {
    await expect(put(...entries)).rejects.toMatchObject({ code, syscall, path });
  });

  it('refuses what is no batch', async () => {
    const tree = native().openTree(directory);
    for (const bytes of [
      [1],
      [2, 0, 0, 0],
      [99, 0, 0, 0],
      Array<number>(52).fill(255),
      data(0, 0, 2),
      data(0, 2, 0),
      data(0, 0xff_ff_ff_ff, 2),
      data(1, 0, 0),
      [8, 0, 0, 0, 0, 0, 0, 0],
      [9, 0, 0, 0, 1, 0, 0, 0],
      [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    ])
      await expect(
        native().addToTree(tree, Uint8Array.from(bytes), [new ArrayBuffer(1)]),
      ).rejects.toMatchObject({
        code: 'EBADMSG',
      });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('leaks no descriptor, whether it fails or not', async () => {
    await put(entry('file', 'warm'));
    const before = openFiles();
    for (let i = 0; i < 50; i += 1) {
      await put(entry('directory', 'd'), entry('file', 'd/f'), entry('directory', 'd/e'));
      await put(entry('file', 'd/f/g')).catch(() => undefined);
    }
    // Each tree holds its directory until it is collected.
    expect(openFiles()).toBeLessThanOrEqual(before + 210);
  });

  it('removes a deep tree that something takes the place of', async () => {
    mkdirSync(`${directory}/a/${'d/'.repeat(200)}`, { recursive: true });
    await put(entry('fifo', 'a'));
    expect(statSync(`${directory}/a`).isFIFO()).toBe(true);
  });
});

describe('readXattrs', () => {
  it('reads what was set, of links nothing', async () => {
    const value = Buffer.from([0, 255, 1]);
    await put(
      entry('file', 'a', { xattrs: [['user.cella', value]] }),
      entry('symlink', 'b', { link: Buffer.from('a') }),
    );
    expect(native().readXattrs(Buffer.from(`${directory}/a`))).toEqual([['user.cella', value]]);
    expect(native().readXattrs(Buffer.from(`${directory}/b`))).toEqual([]);
    expect(() => native().readXattrs(Buffer.from(`${directory}/none`))).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'llistxattr' }),
    );
  });
});
