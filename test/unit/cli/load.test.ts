import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

let copy = '';
beforeEach(() => {
  copy = mkdtempSync(`${tmpdir()}/cella-load-`);
  for (const name of ['package.json', 'dist/bin'])
    cpSync(PACKAGE + name, `${copy}/${name}`, { recursive: true });
});
afterEach(() => rmSync(copy, { recursive: true }));

function node(...args: readonly string[]): string {
  return execFileSync(process.execPath, args, { encoding: 'utf8' });
}
const isCached = (...flags: readonly string[]): string =>
  node(...flags, '-p', `require('${copy}/dist/bin/load.cjs').load().cached`).trim();
const cacheFile = (): string =>
  `${copy}/dist/bin/${readdirSync(`${copy}/dist/bin`).find((name) => name.endsWith('.cache'))}`;
const version = (command: string): string => node(`${copy}/dist/bin/${command}.cjs`, '--version');

it('starts with what was compiled before', () => {
  expect(isCached()).toBe('true');
  expect(version('cella')).toMatch(/^vzctl version /);
  expect(version('vzlist')).toMatch(/^vzlist version /);
});

it.each([
  ['of another Node.js', (): void => undefined, ['--max-lazy']],
  ['half of it', () => writeFileSync(cacheFile(), Buffer.alloc(1000, 7)), []],
  ['nothing', () => rmSync(cacheFile()), []],
] as const)('compiles anew where what was compiled is %s', (_, damage, flags) => {
  damage();
  expect(isCached(...flags)).toBe('false');
  expect(version('cella')).toMatch(/^vzctl version /);
});
