/** Templates out of tarballs and images; what is wrong with either leaves nothing. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { native } from '../../../src/native/binding.js';
import { findTemplate, listTemplates, type Template } from '../../../src/template/cache.js';
import { digestLayers } from '../../../src/template/digest.js';
import { importTemplate } from '../../../src/template/import.js';
import {
  dockerSave,
  type Files,
  type ImageSpec,
  layout,
  multiLayout,
  OURS,
  sha256,
  THEIRS,
  writeFiles,
} from '../../helpers/image.js';
import { type RawEntry, tar } from '../../helpers/tar.js';

const isRoot = process.getuid?.() === 0;

let directory: string;
let templates: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-import-`);
  templates = `${directory}/template`;
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const cached = (): readonly string[] =>
  existsSync(`${templates}/cache`)
    ? readdirSync(`${templates}/cache`).filter((name) => name !== '.lock')
    : [];

function write(name: string, bytes: Buffer): string {
  writeFileSync(`${directory}/${name}`, bytes);
  return `${directory}/${name}`;
}

const from = (source: string, name?: string): Promise<Template> =>
  importTemplate(source, templates, { name });

const SYSTEMD: readonly RawEntry[] = [
  { name: './', type: '5', mode: 0o755 },
  { name: './bin', type: '2', link: 'usr/bin' },
  { name: './sbin', type: '2', link: 'usr/sbin' },
  { name: './usr/bin/sh', data: 'x'.repeat(5000), mode: 0o755 },
  { name: './usr/sbin/init', type: '2', link: '/lib/systemd/systemd' },
  { name: './lib', type: '2', link: 'usr/lib' },
  { name: './usr/lib/systemd/systemd', data: 'elf', mode: 0o755 },
];

describe.runIf(isRoot)('a tarball', () => {
  it('becomes a template that is named after it', async () => {
    const archive = tar(...SYSTEMD);
    const { manifest, layers, name } = await from(write('debian-12-x86_64.tar', archive));
    expect(name).toBe('debian-12-x86_64');
    expect(manifest).toMatchObject({
      init: ['/sbin/init'],
      stopSignal: 'SIGRTMIN+3',
      source: 'debian-12-x86_64.tar',
      layers: ['rootfs'],
      size: 5003,
      command: null,
    });
    expect(manifest.ready.join(' ')).toContain('systemctl is-system-running --wait');
    expect(manifest.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await digestLayers(layers)).digest).toBe(manifest.digest);
    expect(listTemplates(templates)).toEqual(['debian-12-x86_64']);
  });

  it.each([
    ['gzip', ['gzip', '-c'], 'tgz'],
    ['xz', ['xz', '-c'], 'tar.xz'],
    ['bzip2', ['bzip2', '-c'], 'tar.bz2'],
    ['zstd', ['zstd', '-qc'], 'tar.zst'],
  ] as const)(
    'may be compressed with %s, and must be whole then',
    async (_, [tool, ...args], suffix) => {
      const noise = {
        name: './noise',
        data: Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31) >> 7)),
      };
      const packed = execFileSync(tool, args, { input: tar(...SYSTEMD, noise) });
      // By content, not by name.
      expect((await from(write(`good.${suffix}`, packed))).name).toBe('good');
      expect((await from(write('odd.tar', packed))).manifest.size).toBe(305_003);
      for (const length of [packed.length - 1, packed.length - 20, packed.length >> 1, 30]) {
        const file = write(`bad.${suffix}`, packed);
        truncateSync(file, length);
        await expect(from(file), String(length)).rejects.toMatchObject({ code: 'CREATE_FAILED' });
      }
      const flipped = Buffer.from(packed);
      const middle = flipped.length >> 1;
      flipped[middle] = (flipped[middle] ?? 0) ^ 0x55;
      await expect(from(write(`bad.${suffix}`, flipped))).rejects.toMatchObject({ code: 'CREATE_FAILED' });
      expect(cached()).toEqual(['good', 'odd']);
    },
    60_000,
  );

  it('is told apart by its init', async () => {
    const busybox = await from(
      write(
        'b.tar',
        tar({ name: 'bin/busybox', mode: 0o755 }, { name: 'sbin/init', type: '2', link: '../bin/busybox' }),
      ),
    );
    expect(busybox.manifest).toMatchObject({ init: ['/sbin/init'], stopSignal: 'SIGUSR2', ready: [] });
    const other = await from(write('o.tar', tar({ name: 'bin/sh' }, { name: 'sbin/init', mode: 0o755 })));
    expect(other.manifest).toMatchObject({ init: ['/sbin/init'], stopSignal: 'SIGPWR', ready: [] });
    const outside = { name: 'sbin/init', type: '2', link: '../../../../../../bin/sh' };
    expect((await from(write('c.tar', tar({ name: 'bin/', type: '5' }, outside)))).manifest.stopSignal).toBe(
      'SIGPWR',
    );
  });

  it('must hold a root file system', async () => {
    await expect(from(write('x.tar', tar({ name: 'readme' })))).rejects.toThrow('holds no root file system');
    await expect(from(write('y.tar', tar()))).rejects.toThrow('holds no root file system');
    await expect(from(`${directory}/none.tar`)).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await expect(from('/dev/null')).rejects.toMatchObject({
      code: 'BAD_VALUE',
      message: "'/dev/null' is not a file",
    });
    await expect(from(write('...tar', tar(...SYSTEMD)))).rejects.toMatchObject({
      hint: 'Give one with --name.',
    });
    await expect(from(write('z.tar', tar(...SYSTEMD)), '../z')).rejects.toMatchObject({ code: 'BAD_VALUE' });
    expect(cached()).toEqual([]);
  });

  it('leaves the older template when it is bad, and replaces it when it is good', async () => {
    const first = await from(write('t.tar', tar(...SYSTEMD)));
    await expect(from(write('t.tar', tar(...SYSTEMD, { name: '../x' })))).rejects.toThrow('leads out');
    expect(findTemplate(templates, 't').manifest.digest).toBe(first.manifest.digest);
    const second = await from(write('t.tar', tar(...SYSTEMD, { name: 'new', data: 'x' })));
    expect(second.manifest.digest).not.toBe(first.manifest.digest);
    expect(cached()).toEqual(['t']);
  });

  it('leaves nothing that shows when the import is killed, and the next one clears up', async () => {
    const file = write('k.tar', tar(...SYSTEMD));
    const program = `
      const { importTemplate } = await import(${JSON.stringify(new URL('../../../dist/template/import.js', import.meta.url).href)});
      await importTemplate(process.argv[1], process.argv[2]);`;
    const killed = spawnSync(process.execPath, ['--input-type=module', '-e', program, file, templates], {
      env: { ...process.env, CELLA_FAULT: 'template.staged' },
    });
    expect(killed.signal).toBe('SIGKILL');
    expect(cached()).toEqual([expect.stringMatching(/^\.k\./)]);
    expect(listTemplates(templates)).toEqual([]);
    await from(file);
    expect(cached()).toEqual(['k']);
  });
});

const BASE = tar(
  { name: 'bin/sh', data: 'shell', mode: 0o755 },
  { name: 'etc/old', data: 'old' },
  { name: 'opt/a/one', data: '1' },
);
const TOP = tar(
  { name: 'etc/.wh.old' },
  { name: 'opt/a/.wh..wh..opq' },
  { name: 'opt/a/two', data: '2' },
  { name: 'app/run', mode: 0o755 },
);
const CONFIG = {
  Entrypoint: ['run', '--fast'],
  Cmd: ['now'],
  Env: ['PATH=/app:/bin', 'LANG=C'],
  WorkingDir: '/app',
  User: '1000:1000',
  StopSignal: 'SIGINT',
} as const;
const SPEC: ImageSpec = { layers: [BASE, TOP], config: CONFIG };

function archive(files: Files): Buffer {
  return tar(...[...files].map(([name, data]) => ({ name, data })));
}

function expectImage({ layers, manifest }: Template): void {
  expect(manifest).toMatchObject({
    layers: ['layer2', 'layer1'],
    init: ['/app/run', '--fast', 'now'],
    stopSignal: 'SIGINT',
    command: { argv: ['run', '--fast', 'now'], env: CONFIG.Env, user: '1000:1000', cwd: '/app' },
  });
  const [top = '', base = ''] = layers;
  expect(lstatSync(`${top}/etc/old`)).toMatchObject({ rdev: 0 });
  expect(lstatSync(`${top}/etc/old`).isCharacterDevice()).toBe(true);
  expect(readFileSync(`${base}/etc/old`, 'utf8')).toBe('old');
  const opaque = native().readXattrs(Buffer.from(`${top}/opt/a`));
  expect(opaque.map(([name, value]) => [name, value.toString()])).toEqual([['trusted.overlay.opaque', 'y']]);
  expect(cached()).toEqual([manifest.name]);
}

describe.runIf(isRoot)('an image', () => {
  it('may be a layout', async () => {
    expectImage(await from(writeFiles(`${directory}/app`, layout(SPEC))));
  });

  it.each(['none', 'gzip'])('may be an archive of a layout (%s)', async (compression) => {
    const bytes = archive(layout(SPEC));
    const packed = compression === 'gzip' ? execFileSync('gzip', ['-c'], { input: bytes }) : bytes;
    expectImage(await from(write('app.tar', packed)));
  });

  it('may be what docker save writes', async () => {
    expectImage(await from(write('app.tar', archive(dockerSave(SPEC)))));
  });

  it('may be for several machines', async () => {
    const other: ImageSpec = { layers: [tar({ name: 'bin/wrong' })], architecture: THEIRS };
    expectImage(await from(writeFiles(`${directory}/app`, multiLayout(other, SPEC))));
    await expect(from(writeFiles(`${directory}/two`, multiLayout(SPEC, SPEC)))).rejects.toThrow(
      'more than one image',
    );
    await expect(from(writeFiles(`${directory}/none`, multiLayout(other, other)))).rejects.toThrow(
      'nothing for this machine',
    );
    await expect(from(writeFiles(`${directory}/single`, layout(other)))).rejects.toThrow(
      `the image is for linux/${THEIRS}`,
    );
    expect(OURS).not.toBe(THEIRS);
  });

  it('is refused when any digest is wrong', async () => {
    for (const path of layout(SPEC).keys()) {
      if (!path.startsWith('blobs/')) continue;
      const files = layout(SPEC);
      files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), Buffer.from(' ')]));
      await expect(from(writeFiles(`${directory}/app`, files)), path).rejects.toThrow(
        /the image is damaged|is damaged/,
      );
      rmSync(`${directory}/app`, { recursive: true });
    }
    for (const path of dockerSave(SPEC).keys()) {
      if (path === 'manifest.json') continue;
      const files = dockerSave(SPEC);
      files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), Buffer.alloc(512)]));
      await expect(from(write('app.tar', archive(files))), path).rejects.toMatchObject({
        code: 'CREATE_FAILED',
      });
    }
    expect(cached()).toEqual([]);
  });

  it('is refused when a part is missing, or leads elsewhere', async () => {
    const files = layout(SPEC);
    const blob = `blobs/sha256/${sha256(BASE)}`;
    expect(files.has(blob)).toBe(false);
    for (const path of layout(SPEC).keys()) {
      if (path === 'oci-layout') continue;
      const fewer = layout(SPEC);
      fewer.delete(path);
      await expect(from(writeFiles(`${directory}/app`, fewer)), path).rejects.toThrow('has no file');
      rmSync(`${directory}/app`, { recursive: true });
    }
    mkdirSync(`${directory}/app`);
    writeFileSync(`${directory}/secret`, 'x');
    symlinkSync('../secret', `${directory}/app/manifest.json`);
    await expect(from(`${directory}/app`)).rejects.toThrow('holds no image');
    const json = JSON.stringify([{ Config: '../secret', Layers: ['../../etc/passwd'] }]);
    await expect(from(write('evil.tar', tar({ name: 'manifest.json', data: json })))).rejects.toThrow(
      "has no file '../secret'",
    );
    expect(cached()).toEqual([]);
  });

  it.each([
    ['{"manifests": [null]}'],
    ['{"manifests": [{"digest": "sha256:../../../../etc/passwd"}]}'],
    ['{"__proto__": {"manifests": []}}'],
    ['[]'],
    ['{'],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('is refused with an odd index (%#)', async (index) => {
    const files = layout(SPEC);
    files.set('index.json', Buffer.from(index));
    await expect(from(writeFiles(`${directory}/app`, files))).rejects.toMatchObject({
      code: 'CREATE_FAILED',
    });
    expect(cached()).toEqual([]);
  });

  it('is limited as a whole', async () => {
    const source = writeFiles(`${directory}/app`, layout(SPEC));
    const limited = importTemplate(source, templates, { limits: { entries: 5 } });
    await expect(limited).rejects.toThrow('larger than the limit');
    expect(cached()).toEqual([]);
  });
});

describe.runIf(isRoot)('the digest', () => {
  const digestOf = async (...entries: readonly RawEntry[]): Promise<string | null> =>
    (await from(write('d.tar', tar({ name: 'bin/', type: '5' }, ...entries)))).manifest.digest;

  it('is that of the contents, not of their order or age', async () => {
    const [a, b] = [
      { name: 'a', data: '1' },
      { name: 'b', data: '2' },
    ];
    expect(await digestOf(a, b)).toBe(await digestOf({ ...b, mtime: 1 }, a));
  });

  it('changes with everything else', async () => {
    const plain: RawEntry = { name: 'a', data: '1' };
    const others: readonly RawEntry[] = [
      plain,
      { ...plain, name: 'b' },
      { ...plain, data: '2' },
      { ...plain, mode: 0o4755 },
      { ...plain, uid: 1 },
      { ...plain, pax: { gid: '1' } },
      { ...plain, pax: { 'SCHILY.xattr.user.x': 'y' } },
      { name: 'a', type: '2', link: 'x' },
      { name: 'a', type: '2', link: 'y' },
      { name: 'a', type: '3', device: [1, 3] },
      { name: 'a', type: '3', device: [1, 5] },
      { name: 'a', type: '6' },
      { name: 'a/', type: '5' },
    ];
    const digests = new Set<string | null>();
    for (const entry of others) digests.add(await digestOf(entry));
    expect(digests.size).toBe(others.length);
  });
});
