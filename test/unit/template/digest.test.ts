/** What the digest of a template says. */
import { describe, expect, it } from 'vitest';
import { type RawEntry, tar } from '../../helpers/tar.js';
import { useTemplateCache } from '../../helpers/template-cache.js';

const isRoot = process.getuid?.() === 0;
const cache = useTemplateCache();

describe.runIf(isRoot)('the digest', () => {
  const digestOf = async (...entries: readonly RawEntry[]): Promise<string | null> =>
    (await cache.import(cache.write('d.tar', tar({ name: 'bin/', type: '5' }, ...entries)))).manifest.digest;

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
