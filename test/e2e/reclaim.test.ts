/** Memory that a container does not use is taken from it, by the kernel's own file for that. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { readMounts } from '../../src/host/mounts.js';
import { canReclaim, reclaim } from '../../src/host/reclaim.js';
import { readGroup } from '../helpers/groups.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['cgroup-v2'], clear: [101] });

it('gives back what files that were read take', async () => {
  await sandbox.create(101, '--ram', '256M');
  await sandbox.good('start', '101');
  await sandbox.good(
    'exec',
    '101',
    'head -c 64000000 /dev/zero > /root/file; sync; cat /root/file > /dev/null',
  );
  const held = async () => Number(await readGroup(sandbox.rootDir, 101, 'memory.current'));
  const pid = (await openHost({ rootDir: sandbox.rootDir })).container(101).initPid();
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const group = `${readMounts().find(({ type }) => type === 'cgroup2')?.target}${path}`;
  expect(canReclaim(group)).toBe(true);
  const before = await held();
  expect(before).toBeGreaterThan(60_000_000);
  expect(await reclaim(group, 32n << 20n)).toBe(true);
  expect(await held()).toBeLessThan(before - (24 << 20));
  // There is not so much of it.
  expect(await reclaim(group, 1n << 30n)).toBe(false);
});
