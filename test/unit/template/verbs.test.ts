/** What a host does with its templates, on a root directory of the test's own. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOST_CONFIG_TEXT } from '../../../src/config/samples.js';
import { type Host, openHost } from '../../../src/container/host.js';
import { tar } from '../../helpers/tar.js';

const isRoot = process.getuid?.() === 0;

let rootDir: string;
let host: Host;
let file: string;

beforeEach(async () => {
  rootDir = mkdtempSync(`${tmpdir()}/cella-templates-`);
  mkdirSync(`${rootDir}/etc/vz/conf`, { recursive: true });
  writeFileSync(`${rootDir}/etc/vz/vz.conf`, HOST_CONFIG_TEXT);
  file = `${rootDir}/tiny.tar`;
  writeFileSync(file, tar({ name: 'bin/sh', data: 'x' }));
  host = await openHost({ rootDir });
});

afterEach(() => rmSync(rootDir, { recursive: true, force: true }));

describe.runIf(isRoot)('a host', () => {
  it('imports, shows, verifies and removes templates', async () => {
    expect(await host.templates.list()).toEqual([]);
    const imported = await host.templates.import(file);
    expect(imported).toMatchObject({ name: 'tiny', size: 1, files: 3, containers: [] });
    expect(await host.templates.list()).toEqual([imported]);
    expect(await host.templates.info('tiny')).toEqual(imported);
    await host.templates.verify('tiny');
    appendFileSync(`${imported.directory}/rootfs/bin/sh`, 'y');
    await expect(host.templates.verify('tiny')).rejects.toThrow("template 'tiny' was changed");
    await host.templates.remove('tiny');
    expect(readdirSync(imported.directory.replace(/tiny$/, '')).filter((name) => name !== '.lock')).toEqual(
      [],
    );
    await expect(host.templates.remove('tiny')).rejects.toMatchObject({ code: 'TEMPLATE_NOT_FOUND' });
    await expect(host.templates.info('tiny')).rejects.toMatchObject({ code: 'TEMPLATE_NOT_FOUND' });
  });

  it('keeps a template that containers are made from, even when their configs are broken', async () => {
    const { directory } = await host.templates.import(file);
    const conf = `${rootDir}/etc/vz/conf`;
    writeFileSync(`${conf}/1002.conf`, 'OSTEMPLATE="tiny"\nNUMPROC="broken"\n');
    writeFileSync(`${conf}/101.conf`, 'OSTEMPLATE="tiny"\n');
    writeFileSync(`${conf}/.102.conf.creating`, 'OSTEMPLATE="tiny"\n');
    writeFileSync(`${conf}/103.conf`, 'OSTEMPLATE="other"\n');
    await expect(host.templates.remove('tiny')).rejects.toMatchObject({
      code: 'LOCKED',
      message: "template 'tiny' is used by containers 101, 102, 1002",
    });
    expect(existsSync(directory)).toBe(true);
    expect(await host.templates.info('tiny')).toMatchObject({ containers: [101, 102, 1002] });
  });

  it('removes with it an older one that a killed import left', async () => {
    const { directory } = await host.templates.import(file);
    const cache = directory.replace(/\/tiny$/, '');
    mkdirSync(`${cache}/.tiny.abc123.old/rootfs`, { recursive: true });
    await host.templates.remove('tiny');
    expect(readdirSync(cache)).toEqual(['.lock']);
  });

  it('removes one whose manifest is broken', async () => {
    const { directory } = await host.templates.import(file);
    writeFileSync(`${directory}/manifest.json`, '{');
    await host.templates.remove('tiny');
    expect(existsSync(directory)).toBe(false);
  });
});
