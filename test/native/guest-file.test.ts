/** A guest's files from the host: success, each errno that is handled, and what a hostile guest may put there. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../../src/native/binding.js';

let outside: string;
let root: string;

beforeEach(() => {
  outside = mkdtempSync(`${tmpdir()}/cella-guest-`);
  root = `${outside}/root`;
  mkdirSync(`${root}/etc`, { recursive: true });
  writeFileSync(`${outside}/secret`, 'secret');
});

afterEach(() => rmSync(outside, { recursive: true, force: true }));

const OWNER = { uid: 0, gid: 0, mode: 0o644 };
const read = async (path: string, limit = 100): Promise<string> =>
  (await native().readGuestFile(root, path, limit)).bytes.toString('latin1');
const replace = (path: string, text: string, fresh = OWNER): Promise<void> =>
  native().replaceGuestFile(root, path, Buffer.from(text, 'latin1'), fresh);

describe('readGuestFile', () => {
  it('tells bytes, owner and mode', async () => {
    writeFileSync(`${root}/etc/file`, Buffer.from([0xff, 0]));
    chownSync(`${root}/etc/file`, 1, 2);
    chmodSync(`${root}/etc/file`, 0);
    expect(await native().readGuestFile(root, 'etc/file', 2)).toEqual({
      bytes: Buffer.from([0xff, 0]),
      uid: 1,
      gid: 2,
      mode: 0,
    });
  });

  it('takes links for what they are in the guest', async () => {
    symlinkSync('/usr/lib/file', `${root}/etc/absolute`);
    symlinkSync('../../../../../usr/lib/file', `${root}/etc/dots`);
    mkdirSync(`${root}/usr/lib`, { recursive: true });
    writeFileSync(`${root}/usr/lib/file`, 'inside');
    expect([await read('etc/absolute'), await read('etc/dots')]).toEqual(['inside', 'inside']);
  });

  it.each([
    ['ENOENT', 'nothing', () => undefined],
    ['ENOENT', 'a link to a file of the host', () => symlinkSync(`${outside}/secret`, `${root}/etc/file`)],
    ['ENOENT', 'a link out of the root', () => symlinkSync('../../secret', `${root}/etc/file`)],
    ['ELOOP', 'a link to itself', () => symlinkSync('file', `${root}/etc/file`)],
    ['EISDIR', 'a directory', () => mkdirSync(`${root}/etc/file`)],
    ['ENODEV', 'a fifo', () => execFileSync('mkfifo', [`${root}/etc/file`])],
    ['ENODEV', 'a device', () => execFileSync('mknod', [`${root}/etc/file`, 'c', '5', '1'])],
    ['EFBIG', 'too much', () => execFileSync('truncate', ['-s', '100G', `${root}/etc/file`])],
  ])('%s: %s', async (code, _, make) => {
    make();
    await expect(read('etc/file')).rejects.toMatchObject({ code });
  });

  it('EXDEV: a mount is not gone through, so neither is a magic link', async () => {
    mkdirSync(`${root}/proc`);
    symlinkSync('/proc/self/root/etc/passwd', `${root}/etc/file`);
    execFileSync('mount', ['--bind', '/proc', `${root}/proc`]);
    try {
      await expect(read('etc/file')).rejects.toMatchObject({ code: 'EXDEV' });
    } finally {
      execFileSync('umount', [`${root}/proc`]);
    }
  });
});

describe('replaceGuestFile', () => {
  it('makes a file, and the directories to it', async () => {
    await replace('etc/made/file', 'text');
    expect(readFileSync(`${root}/etc/made/file`, 'latin1')).toBe('text');
    expect(statSync(`${root}/etc/made/file`).mode & 0o7777).toBe(0o644);
    expect(readdirSync(`${root}/etc/made`)).toEqual(['file']);
  });

  it("makes them as the container's root, whose ids the file system may map", async () => {
    await replace('etc/made/file', 'text', { uid: 100_000, gid: 100_001, mode: 0o600 });
    for (const path of ['etc/made', 'etc/made/file']) {
      const { uid, gid } = statSync(`${root}/${path}`);
      expect({ uid, gid }).toEqual({ uid: 100_000, gid: 100_001 });
    }
    expect(process.getuid?.()).toBe(0);
    // The thread acts for the host again.
    await replace('etc/host', 'text');
    expect(statSync(`${root}/etc/host`).uid).toBe(0);
  });

  it('keeps owner and mode of a file, but for rights to become others', async () => {
    writeFileSync(`${root}/etc/file`, 'old');
    chownSync(`${root}/etc/file`, 7, 8);
    chmodSync(`${root}/etc/file`, 0o4640);
    await replace('etc/file', 'new', { uid: 100_000, gid: 100_000, mode: 0o644 });
    const { uid, gid, mode } = statSync(`${root}/etc/file`);
    expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: 7, gid: 8, mode: 0o640 });
  });

  it('leaves other names of a file alone', async () => {
    linkSync(`${outside}/secret`, `${root}/etc/file`);
    await replace('etc/file', 'new');
    expect(readFileSync(`${outside}/secret`, 'latin1')).toBe('secret');
    expect(readFileSync(`${root}/etc/file`, 'latin1')).toBe('new');
  });

  it.each([
    ['a link to a file of the host', () => symlinkSync(`${outside}/secret`, `${root}/etc/file`)],
    ['a link into nothing', () => symlinkSync('../run/none', `${root}/etc/file`)],
    ['a fifo', () => execFileSync('mkfifo', [`${root}/etc/file`])],
    ['a device', () => execFileSync('mknod', [`${root}/etc/file`, 'b', '254', '0'])],
  ])('takes the place of %s', async (_, make) => {
    make();
    await replace('etc/file', 'new');
    expect(lstatSync(`${root}/etc/file`).isFile()).toBe(true);
    expect(readFileSync(`${root}/etc/file`, 'latin1')).toBe('new');
    expect(readFileSync(`${outside}/secret`, 'latin1')).toBe('secret');
    expect(readdirSync(outside).sort()).toEqual(['root', 'secret']);
  });

  it('clears away what a killed one left', async () => {
    symlinkSync(`${outside}/secret`, `${root}/etc/.file.cella`);
    await replace('etc/file', 'new');
    expect(readdirSync(`${root}/etc`)).toEqual(['file']);
    expect(readFileSync(`${outside}/secret`, 'latin1')).toBe('secret');
  });

  it.each([
    ['EISDIR', 'etc/file', () => mkdirSync(`${root}/etc/file`)],
    ['EEXIST', 'etc/file', () => mkdirSync(`${root}/etc/.file.cella`)],
    ['ELOOP', 'link/file', () => symlinkSync('etc', `${root}/link`)],
    ['ELOOP', 'link/file', () => symlinkSync(outside, `${root}/link`)],
    ['ELOOP', 'link/file', () => symlinkSync('..', `${root}/link`)],
    ['ENOTDIR', 'etc/file/below', () => writeFileSync(`${root}/etc/file`, '')],
    ['EXDEV', '../file', () => undefined],
    ['EINVAL', 'etc/..', () => undefined],
  ])('%s: %s', async (code, path, make) => {
    make();
    await expect(replace(path, 'new')).rejects.toMatchObject({ code });
    expect(readdirSync(outside).sort()).toEqual(['root', 'secret']);
    expect(readdirSync(root).filter((name) => name === 'file')).toEqual([]);
  });

  it('EXDEV: a mount is not gone through', async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'none', `${root}/etc`]);
    try {
      await expect(replace('etc/file', 'new')).rejects.toMatchObject({ code: 'EXDEV' });
    } finally {
      execFileSync('umount', [`${root}/etc`]);
    }
  });
});

describe('hashPassword', () => {
  it('makes what crypt(3) of a guest checks, each time with another salt', async () => {
    const [first, second] = [await native().hashPassword('pä:ss'), await native().hashPassword('pä:ss')];
    expect(first).toMatch(/^\$6\$rounds=100000\$[./A-Za-z0-9]{16}\$[./A-Za-z0-9]{86}$/);
    expect(second).not.toBe(first);
    const salt = first.split('$').slice(0, 4).join('$');
    const checked = execFileSync('perl', ['-e', 'print crypt(<STDIN>, $ARGV[0])', salt], { input: 'pä:ss' });
    expect(checked.toString()).toBe(first);
  });

  it('ERANGE: more than crypt(3) takes', async () => {
    await expect(native().hashPassword('x'.repeat(5000))).rejects.toMatchObject({ code: 'ERANGE' });
  });
});
