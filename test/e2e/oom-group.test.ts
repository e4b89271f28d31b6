/** --oom_group: what becomes of a container that has no memory left. */
import { describe, expect, it } from 'vitest';
import { readGroup } from '../helpers/groups.js';
import { lack, requires } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

it('is refused where the kernel does not have it', async ({ skip }) => {
  skip((await lack('cgroup-v1')) !== undefined, 'version 2 has it');
  await sandbox.create(101);
  expect(await sandbox.vzctl(['set', '101', '--oom_group', 'yes', '--save'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--oom_group (control groups of version 1'),
  });
});

describe('a container without memory', () => {
  requires('cgroup-v2');

  const HOG = 'head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null';
  const file = () => readGroup(sandbox.rootDir, 101, 'memory.oom.group');
  const status = async () => (await sandbox.vzctl(['status', '101'])).stdout;

  it('loses one process, or dies as a whole where that is asked for', async () => {
    await sandbox.create(101, '--ram', '64M', '--swap', '0');
    expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0 });
    expect(await file()).toBe('0');
    await sandbox.vzctl(['exec', '101', HOG]);
    expect(await status()).toContain('running');
    await sandbox.good('set', '101', '--oom_group', 'yes', '--save');
    expect(await file()).toBe('1');
    await sandbox.vzctl(['exec', '101', HOG]);
    await expect.poll(status, { timeout: 30_000 }).toContain('down');
    // It says that it takes away what the dead one has left.
    expect(await sandbox.vzctl(['start', '101'])).toMatchObject({ code: 0 });
    expect(await file()).toBe('1');
  });
});
