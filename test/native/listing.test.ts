/** Lists of trees tell what lstat(2) does, whatever the files are. */
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listing, native } from '../../src/native/binding.js';

const root = mkdtempSync(`${tmpdir()}/cella-listing-`);
const server = createServer();

beforeAll(async () => {
  mkdirSync(`${root}/d/e`, { recursive: true });
  mkdirSync(`${root}/d/\u00e9`, { mode: 0o700 });
  for (const name of ['a', 'd/x', 'd/e/\n \t', 'd.txt', 'z\u{1f600}']) writeFileSync(`${root}/${name}`, name);
  linkSync(`${root}/a`, `${root}/d/a`);
  symlinkSync('/etc/passwd', `${root}/l`);
  symlinkSync('..', `${root}/d/up`);
  execFileSync('mkfifo', [`${root}/p`]);
  execFileSync('chmod', ['4751', `${root}/p`]);
  execFileSync('mknod', [`${root}/c`, 'c', '4000', '1048000']);
  execFileSync('mknod', [`${root}/b`, 'b', '7', '3']);
  execFileSync('mknod', [`${root}/whiteout`, 'c', '0', '0']);
  execFileSync('chown', ['4294967294:70000', `${root}/d/x`]);
  for (const [name, time] of [
    ['d.txt', '@-1.5'],
    ['d', '@-3'],
    ['p', '@0.25'],
  ] as const)
    execFileSync('touch', ['-d', time, `${root}/${name}`]);
  await new Promise<void>((resolve) => server.listen(`${root}/socket`, resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true });
});

/** All that has not come yet. */
async function restOf(listing: Listing): Promise<string> {
  let text = '';
  for (let lines = await native().nextEntries(listing); lines.length > 0; ) {
    text += lines.toString('latin1');
    lines = await native().nextEntries(listing);
  }
  return text;
}

async function list(
  at: string,
  { live = false, pathLength = 4000, depth = 256 } = {},
): Promise<readonly (readonly [path: string, line: string])[]> {
  const text = await restOf(native().openListing(at, live, pathLength, depth));
  const parts = text.split('\0').slice(0, -1);
  return parts.flatMap((line, at) => (at % 2 === 0 ? [[parts[at + 1] ?? '', line] as const] : []));
}

/** What lstat(2) says, by Node's own. */
function expected(at: string, path = ''): readonly (readonly [string, string])[] {
  const full = Buffer.from(path === '' ? at : `${at}/${path}`, 'latin1');
  const stats = lstatSync(full, { bigint: true });
  const type = [
    ['f', stats.isFile()],
    ['d', stats.isDirectory()],
    ['l', stats.isSymbolicLink()],
    ['p', stats.isFIFO()],
    ['b', stats.isBlockDevice()],
    ['c', stats.isCharacterDevice() && stats.rdev !== 0n],
  ].find(([, is]) => is)?.[0];
  if (type === undefined) return [];
  const file = stats.nlink > 1n && type !== 'd' ? `${stats.dev}:${stats.ino}` : '-';
  const device = type === 'b' ? '7:3' : type === 'c' ? '4000:1048000' : '-';
  const mode = (stats.mode & 0o7777n).toString(8);
  const size = type === 'f' ? stats.size : 0n;
  const line = [stats.ctimeNs, file, device, type, mode, stats.uid, stats.gid, size, stats.mtimeNs].join(' ');
  const names = type === 'd' ? readdirSync(full, { encoding: 'latin1' }).sort() : [];
  return [[path, line], ...names.flatMap((name) => expected(at, path === '' ? name : `${path}/${name}`))];
}

describe('a listing', () => {
  it('tells what lstat(2) does, parents first, by name', async () => {
    const lines = await list(root);
    expect(lines).toEqual(expected(root));
    expect(lines.map(([path]) => path)).not.toContain('socket');
    expect(lines.find(([path]) => path === 'd.txt')?.[1]).toMatch(/ -1500000000$/);
    expect(lines.find(([path]) => path === 'p')?.[1]).toMatch(/ 250000000$/);
  });

  it('tells times beyond 64 bits of nanoseconds', async () => {
    const at = mkdtempSync('/dev/shm/cella-listing-');
    try {
      writeFileSync(`${at}/later`, '');
      execFileSync('touch', ['--date=2500-01-01T00:00:00.000000007Z', `${at}/later`]);
      expect((await list(at)).at(-1)?.[1]).toMatch(/ 16725225600000000007$/);
    } finally {
      rmSync(at, { recursive: true });
    }
  });

  it('comes in pieces where there is much', async () => {
    const at = mkdtempSync(`${tmpdir()}/cella-listing-`);
    try {
      for (let i = 0; i < 6000; i += 1) writeFileSync(`${at}/${String(i).padStart(80, 'x')}`, '');
      const listing = native().openListing(at, false, 4000, 256);
      const first = await native().nextEntries(listing);
      expect(first.length).toBeGreaterThan(0);
      // Nothing is open in between.
      expect(() => rmSync(`${at}/${'0'.padStart(80, 'x')}`)).not.toThrow();
      expect((await native().nextEntries(listing)).length).toBeGreaterThan(0);
      expect((await list(at)).length).toBe(6000);
    } finally {
      rmSync(at, { recursive: true });
    }
  });

  it('says what lies deeper than it looks, and nothing of what is below that', async () => {
    const lines = await list(root, { depth: 1 });
    expect(lines.filter(([, line]) => line === '-').map(([path]) => path)).toEqual([
      'd/a',
      'd/e',
      'd/up',
      'd/x',
      Buffer.from('d/\u00e9').toString('latin1'),
    ]);
    const short = await list(root, { pathLength: 3 });
    expect(short.find(([path]) => path === 'd.txt')?.[1]).toBe('-');
    expect(short.map(([path]) => path)).toContain('d/e');
  });

  it('fails where there is no directory, and leaves out what goes meanwhile where it may', async () => {
    await expect(list(`${root}/gone`)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
    await expect(list(`${root}/a`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    const at = mkdtempSync(`${tmpdir()}/cella-listing-`);
    try {
      mkdirSync(`${at}/a`);
      for (let i = 0; i < 4000; i += 1) writeFileSync(`${at}/a/${String(i).padStart(80, 'x')}`, '');
      mkdirSync(`${at}/z`);
      for (const live of [false, true]) {
        mkdirSync(`${at}/z`, { recursive: true });
        const listing = native().openListing(at, live, 4000, 256);
        await native().nextEntries(listing);
        rmSync(`${at}/z`, { recursive: true });
        // A link in its place leads nowhere.
        symlinkSync('/etc', `${at}/z`);
        const rest = restOf(listing);
        if (live) expect(await rest).not.toContain('passwd');
        else await expect(rest).rejects.toMatchObject({ code: 'ELOOP' });
        rmSync(`${at}/z`);
      }
    } finally {
      rmSync(at, { recursive: true });
    }
  });
});
