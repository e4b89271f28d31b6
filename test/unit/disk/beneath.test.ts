/** Trees that are not trusted: nothing in them leads out, blocks, or is followed where it must not be. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPlainDirectory, readBeneath, resolveBeneath, rewriteBeneath } from '../../../src/disk/beneath.js';
import { isRootTree, prettyName } from '../../../src/disk/root-tree.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(`${tmpdir()}/cella-test-`);
  mkdirSync(`${root}/etc`);
  mkdirSync(`${root}/sbin`);
  symlinkSync('/etc/passwd', `${root}/sbin/absolute`);
  symlinkSync('../../../../../../etc/shadow', `${root}/sbin/upwards`);
  symlinkSync('/', `${root}/sbin/root`);
  symlinkSync('ring', `${root}/sbin/ring`);
  symlinkSync('../etc', `${root}/sbin/up`);
  writeFileSync(`${root}/etc/passwd`, 'inside');
  execFileSync('mkfifo', [`${root}/etc/fifo`]);
  writeFileSync(`${root}/etc/huge`, 'x');
  truncateSync(`${root}/etc/huge`, 100e9);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a path', () => {
  it.each([
    ['sbin/absolute', 'etc/passwd'],
    ['sbin/root/sbin/root/etc/passwd', 'etc/passwd'],
    ['sbin/up/../etc/./passwd', 'etc/passwd'],
    ['../../../etc/passwd', 'etc/passwd'],
  ])('%s leads to %s', (path, to) => {
    expect(resolveBeneath(root, path)).toBe(`${root}/${to}`);
  });

  it.each(['sbin/upwards', 'sbin/ring', 'nowhere', 'etc/passwd/x', `${'x'.repeat(300)}/y`])(
    '%s leads nowhere',
    (path) => {
      expect(resolveBeneath(root, path)).toBeUndefined();
    },
  );
});

describe('reading and writing', () => {
  it('stays in the tree, does not wait, and does not fill the memory', () => {
    expect(readBeneath(root, 'sbin/absolute')).toBe('inside');
    expect(readBeneath(root, 'etc/fifo')).toBeUndefined();
    expect(readBeneath(root, 'etc')).toBeUndefined();
    expect(readBeneath(root, 'etc/huge')?.length).toBe(1 << 20);
  });

  it('replaces regular files only, and not through links', () => {
    expect(rewriteBeneath(root, 'sbin/absolute', 'x')).toBe(false);
    expect(rewriteBeneath(root, 'sbin/up/passwd', 'x')).toBe(false);
    expect(rewriteBeneath(root, 'etc/passwd', 'changed')).toBe(true);
    expect(readFileSync(`${root}/etc/passwd`, 'utf8')).toBe('changed');
    expect(isPlainDirectory(root, 'sbin/up')).toBe(false);
  });
});

describe('a root file system', () => {
  it('is one with a passwd and an init, or with an os-release even if that leads nowhere', () => {
    expect(isRootTree(root)).toBe(false);
    symlinkSync('/lib/systemd/systemd', `${root}/sbin/init`);
    expect(isRootTree(root)).toBe(true);
    expect(isRootTree(`${root}/etc`)).toBe(false);
  });

  it('has a name fit for a terminal', () => {
    writeFileSync(`${root}/etc/os-release`, 'ID=x\nPRETTY_NAME="Ev\u001b[31mil \\"1\\""\n');
    expect(prettyName(root)).toBe('Ev[31mil "1"');
  });
});
