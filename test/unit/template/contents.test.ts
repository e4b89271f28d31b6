/** Counting what is in a tree. */
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { contentsOf } from '../../../src/template/contents.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/cella-contents-`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('counts every entry, and the bytes of a file once', () => {
  writeFileSync(`${root}/a`, '12345');
  linkSync(`${root}/a`, `${root}/b`);
  symlinkSync('a', `${root}/c`);
  mkdirSync(`${root}/d`);
  writeFileSync(`${root}/d/e`, '12');
  expect(contentsOf(root)).toEqual({ size: 7, files: 5, packages: {} });
});

it('knows the packages that are installed, and not those of which only settings are left', () => {
  mkdirSync(`${root}/var/lib/dpkg`, { recursive: true });
  const stanza = (name: string, status: string): string =>
    `Package: ${name}\nStatus: ${status}\nVersion: 1:${name}-2\nDescription: it\n Version: 9\n`;
  writeFileSync(
    `${root}/var/lib/dpkg/status`,
    [stanza('bash', 'install ok installed'), stanza('vim', 'deinstall ok config-files')].join('\n'),
  );
  expect(contentsOf(root).packages).toEqual({ bash: '1:bash-2' });
});
