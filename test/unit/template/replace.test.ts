/** Templates that take the place of older ones: at every moment there is one of the two. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findTemplate, listTemplates } from '../../../src/template/cache.js';
import { putBack, replaceDirectory } from '../../../src/template/replace.js';
import { withUndo } from '../../../src/undo.js';
import { tar } from '../../helpers/tar.js';
import { useTemplateCache } from '../../helpers/template-cache.js';

const isRoot = process.getuid?.() === 0;
const cache = useTemplateCache();

const SHELL = { name: 'bin/sh', data: 'x' };
const MODULE = new URL('../../../dist/template/import.js', import.meta.url).href;

/** Imports `source`, in a process that ends at the point named. */
function killAt(point: string, source: string): void {
  const program = `
    const { importTemplate } = await import(${JSON.stringify(MODULE)});
    await importTemplate(process.argv[1], process.argv[2], { name: 't' });`;
  const killed = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, source, cache.templates],
    { env: { ...process.env, CELLA_FAULT: point } },
  );
  expect(killed.signal).toBe('SIGKILL');
}

describe.runIf(isRoot)('an import', () => {
  it('leaves the older template when it is bad, and replaces it when it is good', async () => {
    const first = await cache.import(cache.write('t.tar', tar(SHELL)));
    const bad = cache.import(cache.write('t.tar', tar(SHELL, { name: '../x' })));
    await expect(bad).rejects.toThrow('leads out');
    expect(findTemplate(cache.templates, 't').manifest.digest).toBe(first.manifest.digest);
    const second = await cache.import(cache.write('t.tar', tar(SHELL, { name: 'new', data: 'x' })));
    expect(second.manifest.digest).not.toBe(first.manifest.digest);
    expect(cache.cached).toEqual(['t']);
  });

  it('leaves nothing that shows when it is killed, and the next one clears up', async () => {
    const file = cache.write('t.tar', tar(SHELL));
    killAt('template.staged', file);
    expect(cache.cached).toEqual([expect.stringMatching(/^\.t\./)]);
    expect(listTemplates(cache.templates)).toEqual([]);
    await cache.import(file);
    expect(cache.cached).toEqual(['t']);
  });

  it.each([
    ['template.staged', 1],
    ['template.replaced', 2],
  ])('killed at %s leaves one that is whole, and the next one clears up', async (point, size) => {
    await cache.import(cache.write('t.tar', tar(SHELL)));
    const newer = cache.write('newer.tar', tar(SHELL, { name: 'new', data: 'y' }));
    killAt(point, newer);
    expect(cache.cached.length).toBe(2);
    expect(findTemplate(cache.templates, 't').manifest.size).toBe(size);
    await cache.import(newer, 't');
    expect(cache.cached).toEqual(['t']);
  });
});

describe('replaceDirectory', () => {
  const at = (name: string): string => `${cache.directory}/${name}`;
  const make = (name: string): string => {
    mkdirSync(at(name));
    writeFileSync(`${at(name)}/file`, name);
    return at(name);
  };
  const found = (path: string): string => readFileSync(`${path}/file`, 'utf8');
  const cannot = (): boolean => false;

  it('gives the older one the name of the newer', async () => {
    const [older, newer] = [make('older'), make('newer')];
    await withUndo(async (undo) => replaceDirectory(older, newer, undo));
    expect([found(older), found(newer)]).toEqual(['newer', 'older']);
  });

  it('needs no older one', async () => {
    const newer = make('newer');
    await withUndo(async (undo) => replaceDirectory(at('target'), newer, undo));
    expect(found(at('target'))).toBe('newer');
  });

  it('sets the older one aside where the file system exchanges no names', async () => {
    const [older, newer] = [make('older'), make('newer')];
    await withUndo(async (undo) => replaceDirectory(older, newer, undo, cannot));
    expect([found(older), found(`${newer}.old`)]).toEqual(['newer', 'older']);
    expect(existsSync(newer)).toBe(false);
  });

  it('takes that back when it fails', async () => {
    const older = make('older');
    const failing = withUndo(async (undo) => replaceDirectory(older, at('none'), undo, cannot));
    await expect(failing).rejects.toMatchObject({ code: 'ENOENT' });
    expect(found(older)).toBe('older');
  });

  it('is finished after a kill between two renames', () => {
    const [older, newer] = [make('older'), make('newer')];
    renameSync(older, `${newer}.old`);
    putBack(older, [newer, `${newer}.old`]);
    expect(found(older)).toBe('older');
    // What has its name keeps it.
    make('newer.old');
    putBack(older, [newer, `${newer}.old`]);
    expect([found(older), found(`${newer}.old`)]).toEqual(['older', 'newer.old']);
  });
});
