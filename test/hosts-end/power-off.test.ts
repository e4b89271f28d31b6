/** The other host loses its power while a container is coming to it, and boots again: it is at one of the two. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 1`;
const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-power-off');
const count = async (): Promise<number> => Number(await hosts.inside('here', 'cat /run/count'));
const PATIENCE = { timeout: 900_000 };

beforeAll(async () => {
  await hosts.open();
  await hosts.start('busybox');
  await hosts.inside('here', COUNTER);
  await hosts.inside('here', 'echo kept >/root/file');
}, PATIENCE.timeout);
afterAll(() => hosts.clear());

it.each([
  ['its files come', 'receive.files'],
  ['it runs there on trial', 'receive.runs'],
])('while %s: it goes on here, and nothing of it is there', PATIENCE, async (_, point) => {
  const before = await count();
  const boot = await hosts.bootOfOther();
  const { code, stderr } = await sandbox.run('vzmigrate', hosts.darkArguments(point, '--online'));
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: expect.stringMatching(/the connection broke|the other side said nothing/),
  });
  const now = await count();
  expect(now).toBeGreaterThanOrEqual(before);
  await expect.poll(count, { timeout: 60_000 }).toBeGreaterThan(now);
  await hosts.untilOtherIsBack(boot);
  await hosts.touchThere();
  await hosts.expectAt('here');
  expect(await hosts.leftThere()).toBe('');
});

it('once it is kept there: it is there alone, with its files', PATIENCE, async () => {
  const boot = await hosts.bootOfOther();
  const { code } = await sandbox.run('vzmigrate', hosts.darkArguments('receive.made', '--online'));
  await hosts.untilOtherIsBack(boot);
  // It may not have been back in time; every command asks again.
  if (code !== 0) await sandbox.vzctl(['set', '101', '--description', 'looked', '--save']);
  expect((await sandbox.vzctl(['status', '101'])).stdout).toBe('CTID 101 deleted unmounted down\n');
  expect(await hosts.there('vzctl', 'status', '101')).toBe('CTID 101 exist unmounted down');
  await hosts.there('vzctl', 'start', '101', '--wait');
  expect(await hosts.inside('there', 'cat /root/file')).toBe('kept');
});
