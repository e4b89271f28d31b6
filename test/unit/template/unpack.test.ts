/** What archives become, attribute by attribute. */
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../../../src/native/binding.js';
import { type UnpackOptions, type UnpackProgress, unpack } from '../../../src/template/unpack.js';
import { encode, pieces, type RawEntry, tar } from '../../helpers/tar.js';

const isRoot = process.getuid?.() === 0;

let directory: string;
let root: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-unpack-`);
  root = `${directory}/root`;
  mkdirSync(root);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (archive: Buffer, options: UnpackOptions = {}): Promise<UnpackProgress> =>
  unpack(pieces(archive), root, options);
const putAll = (...entries: readonly RawEntry[]): Promise<UnpackProgress> => put(tar(...entries));
const mode = (path: string): number => lstatSync(`${root}/${path}`).mode & 0o7777;
const xattr = (path: string, name: string): Buffer | undefined =>
  native()
    .readXattrs(Buffer.from(`${root}/${path}`))
    .find(([found]) => found === name)?.[1];

describe.runIf(isRoot)('unpack', () => {
  it('makes every kind of entry', async () => {
    const done = await putAll(
      { name: './', type: '5', mode: 0o700 },
      { name: './etc/', type: '5', mode: 0o1750, mtime: 5 },
      { name: './etc/motd', data: 'hello\n', mode: 0o4711, uid: 7, mtime: 1234 },
      { name: './etc/same', type: '1', link: './etc/motd' },
      { name: './etc/link', type: '2', link: '../../outside' },
      { name: './etc/linked', type: '1', link: 'etc/link' },
      { name: './null', type: '3', device: [1, 3], mode: 0o666 },
      { name: './disk', type: '4', device: [7, 0], mode: 0o660 },
      { name: './pipe', type: '6', mode: 0o622 },
    );
    expect(done).toEqual({ entries: 9, bytes: 6 });
    expect(mode('.')).toBe(0o700);
    expect(mode('etc')).toBe(0o1750);
    expect(statSync(`${root}/etc`).mtimeMs).toBe(5000);
    expect(readFileSync(`${root}/etc/motd`, 'utf8')).toBe('hello\n');
    expect(mode('etc/motd')).toBe(0o4711);
    expect(statSync(`${root}/etc/motd`)).toMatchObject({ uid: 7, mtimeMs: 1_234_000, nlink: 2 });
    expect(readlinkSync(`${root}/etc/link`)).toBe('../../outside');
    expect(readlinkSync(`${root}/etc/linked`)).toBe('../../outside');
    expect(lstatSync(`${root}/null`).isCharacterDevice()).toBe(true);
    expect(lstatSync(`${root}/null`).rdev).toBe(0x103);
    expect(mode('null')).toBe(0o666);
    expect(lstatSync(`${root}/disk`).isBlockDevice()).toBe(true);
    expect(lstatSync(`${root}/pipe`).isFIFO()).toBe(true);
  });

  it('makes what is missing above an entry', async () => {
    await putAll({ name: 'a/b/c', data: 'x' });
    expect([mode('a'), mode('a/b')]).toEqual([0o755, 0o755]);
  });

  it('lets the later of two entries stand', async () => {
    await putAll(
      { name: 'file', data: 'one' },
      { name: 'copy', type: '1', link: 'file' },
      { name: 'file', data: 'two' },
      { name: 'tree/', type: '5', mode: 0o700 },
      { name: 'tree/below/deep', data: 'x' },
      { name: 'tree', data: 'now a file' },
      { name: 'kept/', type: '5' },
      { name: 'kept/in', data: 'y' },
      { name: 'kept/', type: '5', mode: 0o711 },
    );
    expect(readFileSync(`${root}/file`, 'utf8')).toBe('two');
    expect(readFileSync(`${root}/copy`, 'utf8')).toBe('one');
    expect(readFileSync(`${root}/tree`, 'utf8')).toBe('now a file');
    expect(readdirSync(`${root}/kept`)).toEqual(['in']);
    expect(mode('kept')).toBe(0o711);
  });

  it('takes names that are no UTF-8', async () => {
    const plain = Buffer.from([0x61, 0xff, 0xe9]);
    const long = Buffer.concat([Buffer.alloc(150, 'n'), Buffer.from([0xfe])]);
    await putAll({ name: plain }, { name: 'short', pax: { path: long } });
    const names = readdirSync(root, { encoding: 'buffer' });
    expect(names.map(String).sort()).toEqual([plain, long].map(String).sort());
    expect(names.some((name) => name.equals(long))).toBe(true);
  });

  it('takes GNU long names', async () => {
    const name = `${'d'.repeat(120)}/${'f'.repeat(120)}`;
    await putAll({ name: '././@LongLink', type: 'L', data: `${name}\0` }, { name: 'd', data: 'x' });
    expect(readFileSync(`${root}/${name}`, 'utf8')).toBe('x');
  });

  it('takes what PAX says of times and owners', async () => {
    const pax = { mtime: '12.000000345', uid: '3000000', gid: '4000000', linkpath: 'unused' };
    await putAll({ name: 'file', pax }, { name: 'old', pax: { mtime: '-1.5' } });
    const { mtimeNs, uid, gid } = lstatSync(`${root}/file`, { bigint: true });
    expect([mtimeNs, uid, gid]).toEqual([12_000_000_345n, 3_000_000n, 4_000_000n]);
    expect(lstatSync(`${root}/old`, { bigint: true }).mtimeNs).toBe(-1_500_000_000n);
  });

  it('keeps capabilities and ACLs byte by byte, and drops books of overlayfs', async () => {
    const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
    const pax = {
      'SCHILY.xattr.security.capability': capability,
      'SCHILY.xattr.trusted.overlay.redirect': '/etc',
      'SCHILY.xattr.security.selinux': 'system_u',
    };
    await putAll({ name: 'ping', data: 'x', mode: 0o755, pax });
    expect(xattr('ping', 'security.capability')).toEqual(capability);
    expect(xattr('ping', 'trusted.overlay.redirect')).toBeUndefined();
  });

  it('leaves holes in files', async () => {
    const data = Buffer.alloc(8 << 20);
    data.write('begin');
    data.write('middle', 4_000_000);
    const archive = tar({ name: 'sparse', data }, { name: 'zeros', data: Buffer.alloc(1 << 20) });
    await unpack(pieces(archive, 1 << 18), root);
    expect(readFileSync(`${root}/sparse`).equals(data)).toBe(true);
    expect(readFileSync(`${root}/zeros`).equals(Buffer.alloc(1 << 20))).toBe(true);
    expect(statSync(`${root}/sparse`).blocks * 512).toBeLessThan(1_000_000);
  });

  it('makes whiteouts of a layer', async () => {
    const layer = tar(
      { name: 'etc/.wh.passwd' },
      { name: 'opt/', type: '5', mode: 0o750 },
      { name: 'opt/.wh..wh..opq' },
      { name: 'srv/.wh..wh..opq' },
    );
    await put(layer, { whiteouts: true });
    expect(lstatSync(`${root}/etc/passwd`)).toMatchObject({ rdev: 0 });
    expect(lstatSync(`${root}/etc/passwd`).isCharacterDevice()).toBe(true);
    expect(xattr('opt', 'trusted.overlay.opaque')?.toString()).toBe('y');
    expect(mode('opt')).toBe(0o750);
    expect(xattr('srv', 'trusted.overlay.opaque')?.toString()).toBe('y');
    expect(readdirSync(`${root}/opt`)).toEqual([]);
  });

  it('tells how far it is, and can be told to stop', async () => {
    const seen: UnpackProgress[] = [];
    const archive = tar(
      ...Array.from({ length: 100 }, (_, i) => ({ name: `f${i}`, data: Buffer.alloc(100_000, 1) })),
    );
    await put(archive, { progress: (at) => seen.push(at) });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.at(-1)).toEqual({ entries: 100, bytes: 10_000_000 });
    const controller = new AbortController();
    const stopped = put(archive, { signal: controller.signal, progress: () => controller.abort() });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('fails where the archive ends too early, wherever that is', async () => {
    const whole = Buffer.concat([
      encode({ name: 'one', data: 'x'.repeat(600) }),
      encode({ name: 'two', data: 'y' }),
    ]);
    for (const length of [0, 1, 511, 512, 700, 1536, 2047, 2048, 2560])
      await expect(put(whole.subarray(0, length)), String(length)).rejects.toMatchObject({
        code: 'CREATE_FAILED',
      });
  });

  it('keeps the data of many files apart, however fast they come', async () => {
    const files = Array.from({ length: 250 }, (_, i) => ({
      name: `d${i % 7}/f${i}`,
      data: Buffer.alloc(i * 997, i + 1),
    }));
    await unpack(pieces(tar(...files), 1 << 18), root);
    for (const { name, data } of files) expect(readFileSync(`${root}/${name}`).equals(data), name).toBe(true);
  });

  it('gives back what tar packed, whatever the size of the pieces', async () => {
    const source = `${directory}/source`;
    mkdirSync(`${source}/sub`, { recursive: true });
    execFileSync('sh', [
      '-c',
      'cd "$1"; echo a >a; ln -s a b; ln a c; mkdir -m 700 d; echo x >"d/new\nline"',
      'sh',
      source,
    ]);
    const archive = execFileSync('tar', ['-C', source, '--format=pax', '-c', '.']);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20_000 }), async (size) => {
        rmSync(root, { recursive: true });
        mkdirSync(root);
        await unpack(pieces(archive, size), root);
        execFileSync('diff', ['-r', '--no-dereference', source, root]);
      }),
      { numRuns: 8 },
    );
  });
});
