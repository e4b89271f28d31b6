/** Manifests are read as strangers' text: every field has its type, and nothing comes from a prototype. */
import { machine } from 'node:os';
import { describe, expect, it } from 'vitest';
import { builtName, isTemplateName, parseManifest, parseRecipe } from '../../../src/template/manifest.js';

const GOOD = {
  version: 1,
  name: 'busybox',
  description: 'A few commands',
  arch: 'x86_64',
  init: ['/sbin/init'],
  stopSignal: 'SIGUSR2',
  ready: ['/bin/true'],
  built: '2024-02-29T12:00:00.000Z',
  source: 'busybox 1.35',
} as const;

const BARE = { layers: ['rootfs'], packages: {}, size: 0, files: 0, digest: null, command: null } as const;

const parse = (value: unknown): unknown => parseManifest(JSON.stringify(value), 'm.json');

describe('the name of a recipe', () => {
  const named = (name: string) => parseRecipe(JSON.stringify({ ...GOOD, name }), 'r.json');

  it('lets a name say where the machine goes', () => {
    expect(builtName(named('debian-13-{arch}'), 'aarch64')).toBe('debian-13-aarch64');
    const other = machine() === 'aarch64' ? 'x86_64' : 'aarch64';
    expect(builtName(named('busybox'), machine())).toBe('busybox');
    expect(builtName(named('busybox'), other)).toBe(`busybox-${other}`);
    expect(() => named('{arch}-{arch}')).toThrow("'name' is not valid");
    expect(() => parse({ ...GOOD, name: 'debian-{arch}' })).toThrow("'name' is not valid");
  });
});

describe('parseManifest', () => {
  it('takes what it knows and drops the rest', () => {
    expect(parse({ ...GOOD, more: true })).toEqual({ ...GOOD, ...BARE });
    const full = {
      ...GOOD,
      layers: ['2', '1'],
      packages: { bash: '5.2' },
      size: 7,
      files: 3,
      digest: `sha256:${'0'.repeat(64)}`,
      command: { argv: ['sh'], env: ['A=b'], user: '1:1', cwd: '/srv' },
    };
    expect(parse(full)).toEqual(full);
    expect(parse({ ...GOOD, ready: [] })).toMatchObject({ ready: [] });
    expect(parse({ ...GOOD, stopSignal: 'SIGRTMIN+3' })).toMatchObject({ stopSignal: 'SIGRTMIN+3' });
  });

  it('names a field that is missing', () => {
    for (const field of Object.keys(GOOD)) {
      const { [field]: _, ...rest } = GOOD as Record<string, unknown>;
      expect(() => parse(rest)).toThrow(`'${field}' is missing in template manifest 'm.json'`);
    }
  });

  it.each([
    { version: 2 },
    { version: '1' },
    { name: '../etc' },
    { name: '' },
    { name: 'a\n' },
    { name: ['busybox'] },
    { description: 1 },
    { description: 'red \u001b[31m' },
    { arch: '../x' },
    { init: [] },
    { init: '/sbin/init' },
    { init: ['init'] },
    { init: ['/sbin/init', 1] },
    { init: ['/sbin/init\0'] },
    { init: { 0: '/sbin/init', length: 1 } },
    { stopSignal: 'toString' },
    { stopSignal: 'SIGNONE' },
    { stopSignal: 15 },
    { ready: null },
    { ready: ['true'] },
    { built: 'yesterday' },
    { built: '2024-02-30T12:00:00.000Z' },
    { source: null },
    { layers: [] },
    { layers: ['..'] },
    { layers: ['a/b'] },
    { packages: [] },
    { packages: { a: 1 } },
    { size: -1 },
    { files: 1.5 },
    { digest: 'sha256:0' },
    { command: { argv: ['sh'], env: [], user: '', cwd: 'srv' } },
    { command: { argv: ['sh\0'], env: [], user: '', cwd: '/' } },
  ])('refuses %j', (change) => {
    const [field] = Object.keys(change);
    const complaint = `'${field}' is not valid in template manifest 'm.json'`;
    expect(() => parse({ ...GOOD, ...change })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: complaint }),
    );
  });

  it.each(['', '{', '[]', 'null', '1', '"text"', `[${JSON.stringify(GOOD)}]`])('refuses %j', (text) => {
    expect(() => parseManifest(text, 'm.json')).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });

  it('does not look into prototypes', () => {
    const text = `{"__proto__": ${JSON.stringify(GOOD)}}`;
    expect(() => parseManifest(text, 'm.json')).toThrow("'version' is missing");
    expect(Object.keys({})).toEqual([]);
  });
});

describe('parseRecipe', () => {
  it('needs only what a recipe can know', () => {
    const { arch: _arch, built: _built, source: _source, ...recipe } = GOOD;
    expect(parseRecipe(JSON.stringify(GOOD), 'r.json')).toEqual(recipe);
  });
});

describe('isTemplateName', () => {
  it('takes names that are safe as a directory', () => {
    expect(['a', 'debian-12.1_x86', 'a'.repeat(64)].every(isTemplateName)).toBe(true);
    expect(['', '.', '..', '.a', '-a', 'a/b', 'a b', 'a'.repeat(65), undefined].some(isTemplateName)).toBe(
      false,
    );
  });
});
