/** Templates out of tarballs; what is wrong with one leaves nothing. */
import { execFileSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { listTemplates } from '../../../src/template/cache.js';
import { digestLayers } from '../../../src/template/digest.js';
import { type RawEntry, tar } from '../../helpers/tar.js';
import { useTemplateCache } from '../../helpers/template-cache.js';

const isRoot = process.getuid?.() === 0;
const cache = useTemplateCache();

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
    const { manifest, layers, name } = await cache.import(cache.write('debian-12-x86_64.tar', archive));
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
    expect(listTemplates(cache.templates)).toEqual(['debian-12-x86_64']);
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
      expect((await cache.import(cache.write(`good.${suffix}`, packed))).name).toBe('good');
      expect((await cache.import(cache.write('odd.tar', packed))).manifest.size).toBe(305_003);
      for (const length of [packed.length - 1, packed.length - 20, packed.length >> 1, 30]) {
        const file = cache.write(`bad.${suffix}`, packed);
        truncateSync(file, length);
        await expect(cache.import(file), String(length)).rejects.toMatchObject({ code: 'CREATE_FAILED' });
      }
      const flipped = Buffer.from(packed);
      const middle = flipped.length >> 1;
      flipped[middle] = (flipped[middle] ?? 0) ^ 0x55;
      await expect(cache.import(cache.write(`bad.${suffix}`, flipped))).rejects.toMatchObject({
        code: 'CREATE_FAILED',
      });
      expect(cache.cached).toEqual(['good', 'odd']);
    },
    60_000,
  );

  it('is told apart by its init', async () => {
    const busybox = await cache.import(
      cache.write(
        'b.tar',
        tar({ name: 'bin/busybox', mode: 0o755 }, { name: 'sbin/init', type: '2', link: '../bin/busybox' }),
      ),
    );
    expect(busybox.manifest).toMatchObject({ init: ['/sbin/init'], stopSignal: 'SIGUSR2', ready: [] });
    const other = await cache.import(
      cache.write('o.tar', tar({ name: 'bin/sh' }, { name: 'sbin/init', mode: 0o755 })),
    );
    expect(other.manifest).toMatchObject({ init: ['/sbin/init'], stopSignal: 'SIGPWR', ready: [] });
    const outside = { name: 'sbin/init', type: '2', link: '../../../../../../bin/sh' };
    expect(
      (await cache.import(cache.write('c.tar', tar({ name: 'bin/', type: '5' }, outside)))).manifest
        .stopSignal,
    ).toBe('SIGPWR');
  });

  it('must hold a root file system', async () => {
    await expect(cache.import(cache.write('x.tar', tar({ name: 'readme' })))).rejects.toThrow(
      'holds no root file system',
    );
    await expect(cache.import(cache.write('y.tar', tar()))).rejects.toThrow('holds no root file system');
    await expect(cache.import(`${cache.directory}/none.tar`)).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await expect(cache.import('/dev/null')).rejects.toMatchObject({
      code: 'BAD_VALUE',
      message: "'/dev/null' is not a file",
    });
    await expect(cache.import(cache.write('...tar', tar(...SYSTEMD)))).rejects.toMatchObject({
      hint: 'Give one with --name.',
    });
    await expect(cache.import(cache.write('z.tar', tar(...SYSTEMD)), '../z')).rejects.toMatchObject({
      code: 'BAD_VALUE',
    });
    expect(cache.cached).toEqual([]);
  });
});
