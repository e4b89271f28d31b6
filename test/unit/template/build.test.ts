/** Templates are built for real, into a directory of the test's own. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { machine, tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildTemplate } from '../../../src/template/build.js';
import { findTemplate, listTemplates } from '../../../src/template/cache.js';
import { recipeDirectory } from '../../../src/template/recipes.js';

const isRoot = process.getuid?.() === 0;
const mode = (path: string): number => statSync(path).mode & 0o7777;
const { umask } = process;

let directory: string;
let templates: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-template-`);
  templates = `${directory}/template`;
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A recipe whose build.sh is `script`. */
function recipe(script: string, name = 'tiny'): string {
  const path = `${directory}/recipe-${name}`;
  mkdirSync(`${path}/files/etc`, { recursive: true });
  writeFileSync(`${path}/files/etc/motd`, 'hello\n');
  writeFileSync(`${path}/build.sh`, script);
  const stated = { version: 1, name, description: '', init: ['/init'], stopSignal: 'SIGTERM', ready: [] };
  writeFileSync(`${path}/template.json`, JSON.stringify(stated));
  return path;
}

/** What is in the cache besides the directory of locks. */
const cached = (): readonly string[] => readdirSync(`${templates}/cache`).filter((name) => name !== '.lock');

describe.runIf(isRoot && existsSync('/bin/busybox'))('the busybox template', () => {
  it('is a complete root file system', async () => {
    const {
      layers: [rootfs = ''],
      manifest,
      directory: built,
    } = await buildTemplate(recipeDirectory('busybox'), templates);
    expect(built).toBe(`${templates}/cache/busybox`);
    expect(manifest).toMatchObject({ name: 'busybox', arch: machine(), stopSignal: 'SIGUSR2' });
    expect(manifest.source).toMatch(/^BusyBox v/);
    expect(readlinkSync(`${rootfs}/sbin/init`)).toBe('/bin/busybox');
    for (const name of ['proc', 'sys', 'dev', 'run', 'var', 'home', 'mnt', 'opt'])
      expect(mode(`${rootfs}/${name}`), name).toBe(0o755);
    expect(mode(`${rootfs}/tmp`)).toBe(0o1777);
    expect(mode(`${rootfs}/root`)).toBe(0o700);
    expect(mode(`${rootfs}/etc/init.d/rcS`)).toBe(0o755);
    expect(mode(`${templates}/cache`)).toBe(0o700);
    const inside = spawnSync('chroot', [rootfs, '/bin/sh', '-c', 'id -un; cat /etc/hosts'], {
      encoding: 'utf8',
    });
    expect(inside.stdout).toMatch(/^root\n127\.0\.0\.1 localhost\n/);
    expect(cached()).toEqual(['busybox']);
  });

  it('does not depend on the umask', async () => {
    const before = umask(0o077);
    try {
      const {
        layers: [rootfs = ''],
      } = await buildTemplate(recipeDirectory('busybox'), templates);
      for (const name of ['', 'bin', 'etc', 'usr/bin', 'bin/busybox'])
        expect(mode(`${rootfs}/${name}`), name).toBe(0o755);
      expect(mode(`${rootfs}/etc/passwd`)).toBe(0o644);
    } finally {
      umask(before);
    }
  });
});

describe('buildTemplate', () => {
  it('copies files over what build.sh made', async () => {
    const {
      layers: [rootfs = ''],
      manifest,
    } = await buildTemplate(recipe('mkdir "$1/etc"; echo old >"$1/etc/motd"'), templates);
    expect(readFileSync(`${rootfs}/etc/motd`, 'utf8')).toBe('hello\n');
    expect(manifest.source).toBe('tiny');
  });

  it('replaces an older one', async () => {
    await buildTemplate(recipe('touch "$1/one"'), templates);
    const {
      layers: [rootfs = ''],
    } = await buildTemplate(recipe('touch "$1/two"'), templates);
    expect(readdirSync(rootfs).sort()).toEqual(['etc', 'two']);
    expect(cached()).toEqual(['tiny']);
  });

  it('leaves the older one and nothing else when build.sh fails', async () => {
    await buildTemplate(recipe('touch "$1/one"'), templates);
    const broken = buildTemplate(recipe('echo cannot do it >&2; exit 3'), templates);
    await expect(broken).rejects.toMatchObject({ code: 'SYSTEM', message: 'sh failed: cannot do it' });
    expect(readdirSync(findTemplate(templates, 'tiny').layers[0] ?? '')).toContain('one');
    expect(cached()).toEqual(['tiny']);
  });

  it('ends build.sh when told to', async () => {
    const building = buildTemplate(recipe('exec sleep 60'), templates, { signal: AbortSignal.timeout(100) });
    await expect(building).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(cached()).toEqual([]);
  });

  it('tells what build.sh is at, and counts what came of it', async () => {
    const steps: string[] = [];
    const { manifest } = await buildTemplate(recipe('echo "I: at work" >&2; echo made it'), templates, {
      report: ({ template, step }) => void steps.push(`${template}: ${step}`),
    });
    expect(steps).toEqual(['tiny: at work', 'tiny: taking its digest']);
    expect(manifest).toMatchObject({ source: 'made it', files: 3, size: 6, packages: {} });
    expect(manifest.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('puts the machine where the name of a recipe says so', async () => {
    const { name, manifest } = await buildTemplate(recipe('echo "$2"', 'tiny-{arch}'), templates);
    expect({ name, manifest }).toMatchObject({
      name: `tiny-${machine()}`,
      manifest: { name: `tiny-${machine()}`, arch: machine(), source: machine() },
    });
  });

  it('refuses an architecture that it does not know', async () => {
    await expect(buildTemplate(recipe(''), templates, { arch: 'pdp11' })).rejects.toMatchObject({
      code: 'BAD_VALUE',
      message: "'pdp11' is not an architecture that is built for",
    });
  });

  it.runIf(isRoot)('leaves no process and no mount of build.sh, however it ends', async () => {
    const busy = recipe(
      'mount -t tmpfs none "$1"; setsid sleep 54321 & echo "I: mounted" >&2; exec sleep 60',
    );
    const controller = new AbortController();
    const building = buildTemplate(busy, templates, {
      signal: controller.signal,
      report: () => {
        expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(directory);
        controller.abort();
      },
    });
    await expect(building).rejects.toMatchObject({ name: 'AbortError' });
    expect(cached()).toEqual([]);
    expect(spawnSync('pgrep', ['-f', '^sleep 54321$'], { encoding: 'utf8' }).stdout).toBe('');
  });

  it('removes what builds left that were cut short, of this template alone', async () => {
    for (const name of ['.tiny.abc123', '.tiny.abc123.old', '.tiny.two.abc123', '.other.abc123'])
      mkdirSync(`${templates}/cache/${name}/rootfs`, { recursive: true });
    await buildTemplate(recipe(''), templates);
    expect([...cached()].sort()).toEqual(['.other.abc123', '.tiny.two.abc123', 'tiny']);
  });

  it('refuses to build the same template twice at a time', async () => {
    const slow = buildTemplate(recipe('sleep 3'), templates);
    await expect(buildTemplate(recipe('sleep 3'), templates)).rejects.toMatchObject({ code: 'LOCKED' });
    await slow;
    expect(cached()).toEqual(['tiny']);
  }, 10_000);
});

describe('findTemplate', () => {
  it('names what there is', async () => {
    expect(listTemplates(templates)).toEqual([]);
    await buildTemplate(recipe('', 'b'), templates);
    await buildTemplate(recipe('', 'a'), templates);
    writeFileSync(`${templates}/cache/stray`, '');
    expect(listTemplates(templates)).toEqual(['a', 'b']);
    for (const name of ['c', 'stray'])
      expect(() => findTemplate(templates, name)).toThrow(
        expect.objectContaining({
          code: 'TEMPLATE_NOT_FOUND',
          message: `template '${name}' does not exist`,
          hint: 'Choose one of these: a, b.',
        }),
      );
  });

  it.each(['../tiny', '.tiny', '', 'a/b', 'tiny\n'])('refuses %j', (name) => {
    expect(() => findTemplate(templates, name)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
  });
});
