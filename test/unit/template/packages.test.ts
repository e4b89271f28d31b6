/** What a package manager says is in a tree. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packagesOf } from '../../../src/template/packages.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/cella-contents-`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('knows the packages that are installed, and not those of which only settings are left', () => {
  mkdirSync(`${root}/var/lib/dpkg`, { recursive: true });
  const stanza = (name: string, status: string): string =>
    `Package: ${name}\nStatus: ${status}\nVersion: 1:${name}-2\nDescription: it\n Version: 9\n`;
  writeFileSync(
    `${root}/var/lib/dpkg/status`,
    [stanza('bash', 'install ok installed'), stanza('vim', 'deinstall ok config-files')].join('\n'),
  );
  expect(packagesOf(root)).toEqual({ bash: '1:bash-2' });
});
