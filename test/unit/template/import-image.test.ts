/** Templates out of images; what is wrong with one leaves nothing. */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native/binding.js';
import type { Template } from '../../../src/template/cache.js';
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
import { tar } from '../../helpers/tar.js';
import { useTemplateCache } from '../../helpers/template-cache.js';

const isRoot = process.getuid?.() === 0;
const cache = useTemplateCache();

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
  expect(cache.cached).toEqual([manifest.name]);
}

describe.runIf(isRoot)('an image', () => {
  it('may be a layout', async () => {
    expectImage(await cache.import(writeFiles(`${cache.directory}/app`, layout(SPEC))));
  });

  it.each(['none', 'gzip'])('may be an archive of a layout (%s)', async (compression) => {
    const bytes = archive(layout(SPEC));
    const packed = compression === 'gzip' ? execFileSync('gzip', ['-c'], { input: bytes }) : bytes;
    expectImage(await cache.import(cache.write('app.tar', packed)));
  });

  it('may be what docker save writes', async () => {
    expectImage(await cache.import(cache.write('app.tar', archive(dockerSave(SPEC)))));
  });

  it('may be for several machines', async () => {
    const other: ImageSpec = { layers: [tar({ name: 'bin/wrong' })], architecture: THEIRS };
    expectImage(await cache.import(writeFiles(`${cache.directory}/app`, multiLayout(other, SPEC))));
    await expect(cache.import(writeFiles(`${cache.directory}/two`, multiLayout(SPEC, SPEC)))).rejects.toThrow(
      'more than one image',
    );
    await expect(
      cache.import(writeFiles(`${cache.directory}/none`, multiLayout(other, other))),
    ).rejects.toThrow('nothing for this machine');
    await expect(cache.import(writeFiles(`${cache.directory}/single`, layout(other)))).rejects.toThrow(
      `the image is for linux/${THEIRS}`,
    );
    expect(OURS).not.toBe(THEIRS);
  });

  it('is refused when any digest is wrong', async () => {
    for (const path of layout(SPEC).keys()) {
      if (!path.startsWith('blobs/')) continue;
      const files = layout(SPEC);
      files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), Buffer.from(' ')]));
      await expect(cache.import(writeFiles(`${cache.directory}/app`, files)), path).rejects.toThrow(
        /the image is damaged|is damaged/,
      );
      rmSync(`${cache.directory}/app`, { recursive: true });
    }
    for (const path of dockerSave(SPEC).keys()) {
      if (path === 'manifest.json') continue;
      const files = dockerSave(SPEC);
      files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), Buffer.alloc(512)]));
      await expect(cache.import(cache.write('app.tar', archive(files))), path).rejects.toMatchObject({
        code: 'CREATE_FAILED',
      });
    }
    expect(cache.cached).toEqual([]);
  });

  it('is refused when a part is missing, or leads elsewhere', async () => {
    const files = layout(SPEC);
    const blob = `blobs/sha256/${sha256(BASE)}`;
    expect(files.has(blob)).toBe(false);
    for (const path of layout(SPEC).keys()) {
      if (path === 'oci-layout') continue;
      const fewer = layout(SPEC);
      fewer.delete(path);
      await expect(cache.import(writeFiles(`${cache.directory}/app`, fewer)), path).rejects.toThrow(
        'has no file',
      );
      rmSync(`${cache.directory}/app`, { recursive: true });
    }
    mkdirSync(`${cache.directory}/app`);
    writeFileSync(`${cache.directory}/secret`, 'x');
    symlinkSync('../secret', `${cache.directory}/app/manifest.json`);
    await expect(cache.import(`${cache.directory}/app`)).rejects.toThrow('holds no image');
    const json = JSON.stringify([{ Config: '../secret', Layers: ['../../etc/passwd'] }]);
    await expect(
      cache.import(cache.write('evil.tar', tar({ name: 'manifest.json', data: json }))),
    ).rejects.toThrow("has no file '../secret'");
    expect(cache.cached).toEqual([]);
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
    await expect(cache.import(writeFiles(`${cache.directory}/app`, files))).rejects.toMatchObject({
      code: 'CREATE_FAILED',
    });
    expect(cache.cached).toEqual([]);
  });

  it('is limited as a whole', async () => {
    const source = writeFiles(`${cache.directory}/app`, layout(SPEC));
    const limited = importTemplate(source, cache.templates, { limits: { entries: 5 } });
    await expect(limited).rejects.toThrow('larger than the limit');
    expect(cache.cached).toEqual([]);
  });
});
