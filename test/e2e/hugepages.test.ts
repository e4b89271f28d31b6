/** --hugepages: limits of huge pages, in the kernel's files and as programs in a container meet them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGroup } from '../helpers/groups.js';
import { syscallProgram } from '../helpers/syscall-program.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const PAGE = 2 << 20;
const POOL = '/proc/sys/vm/nr_hugepages';
const [IPC_PRIVATE, IPC_CREAT, SHM_HUGETLB, SHMGET_X64, ENOMEM] = [0, 0o1000, 0o4000, 29, 12];

/** Sets so many pages aside (shmget(2)). */
const take = (pages: number): Buffer =>
  syscallProgram('x64', SHMGET_X64, [IPC_PRIVATE, pages * PAGE, IPC_CREAT | SHM_HUGETLB | 0o600]);

const sandbox = useSandbox({ needs: ['hugetlb'], keep: [101] });
const limits = async (): Promise<readonly (string | undefined)[]> => [
  await readGroup(sandbox.rootDir, 101, 'hugetlb.2MB.max', 'hugetlb.2MB.limit_in_bytes'),
  await readGroup(sandbox.rootDir, 101, 'hugetlb.2MB.rsvd.max', 'hugetlb.2MB.rsvd.limit_in_bytes'),
];
const set = (value: string) => sandbox.vzctl(['set', '101', '--hugepages', value, '--save']);
const config = (): string => readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8');

beforeAll(async () => {
  if (!sandbox.isOpen) return;
  // Huge pages by shmget(2) are for CAP_IPC_LOCK of the host's own user namespace.
  await sandbox.create(101, '--hugepages', '2M:4M', '--local_uid', '0', '--layout', 'overlay:directory');
  const upper = `${sandbox.rootDir}/var/lib/vz/private/101/upper`;
  mkdirSync(`${upper}/take`, { recursive: true });
  for (const pages of [1, 2, 3]) writeFileSync(`${upper}/take/${pages}`, take(pages), { mode: 0o755 });
  expect(await sandbox.vzctl(['start', '101'])).toMatchObject({ code: 0 });
});

describe('huge pages', () => {
  it('are limited from the start, used ones and those set aside', async () => {
    expect(await limits()).toEqual([String(2 * PAGE), String(2 * PAGE)]);
  });

  it('are limited while it runs, until there is no limit any more', async () => {
    expect(await set('2048K:6M')).toMatchObject({ code: 0, stderr: '' });
    expect(await limits()).toEqual([String(3 * PAGE), String(3 * PAGE)]);
    expect(config()).toContain('HUGEPAGES="2M:6M"');
    expect(await set('2M:unlimited')).toMatchObject({ code: 0, stderr: '' });
    for (const limit of await limits()) expect(limit === 'max' || Number(limit) > 1e15).toBe(true);
    expect(config()).not.toContain('HUGEPAGES');
  });

  it('are refused where they are no whole number of pages', async () => {
    const before = config();
    expect(await set('2M:3M')).toMatchObject({
      code: 21,
      stderr: expect.stringContaining('no multiple of 2M'),
    });
    expect(config()).toBe(before);
  });

  describe('of a host that has some', () => {
    let before = 0;
    beforeAll(() => {
      if (!sandbox.isOpen) return;
      before = Number(readFileSync(POOL, 'utf8'));
      writeFileSync(POOL, String(before + 4));
    });
    afterAll(() => {
      if (sandbox.isOpen) writeFileSync(POOL, String(before));
    });

    it.runIf(process.arch === 'x64')('cannot be had beyond the limit', async ({ skip }) => {
      skip(Number(readFileSync(POOL, 'utf8')) < before + 4, 'the memory of this host is in pieces');
      await set('2M:4M');
      const taken = async (pages: number) => (await sandbox.vzctl(['exec2', '101', `/take/${pages}`])).code;
      expect(await taken(3)).toBe(ENOMEM);
      expect(await taken(2)).toBe(0);
      expect(await taken(1)).toBe(ENOMEM);
      // What is in use is not taken away.
      expect(await set('2M:2M')).toMatchObject({ code: 1, stderr: expect.stringContaining('in use') });
      expect(await limits()).toEqual([String(2 * PAGE), String(2 * PAGE)]);
    });
  });
});
