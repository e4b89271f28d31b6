/** The other host goes dark while a container is coming to it. Nothing can be tried with it afterwards. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 1`;
const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-power-off');
const count = async (): Promise<number> => Number(await hosts.inside('here', 'cat /run/count'));

beforeAll(() => hosts.open());
afterAll(() => sandbox.vzctl(['stop', '101', '--fast']));

it('while it runs there on trial: it goes on here', { timeout: 900_000 }, async () => {
  await hosts.start('busybox');
  await hosts.inside('here', COUNTER);
  const before = await count();
  const { code, stderr } = await sandbox.run('vzmigrate', hosts.darkArguments('receive.runs', '--online'));
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: expect.stringMatching(/the connection broke|the other side said nothing/),
  });
  await expect(hosts.ssh('true')).rejects.toThrow();
  expect(await sandbox.good('status', '101')).toBe('CTID 101 exist mounted running\n');
  const now = await count();
  expect(now).toBeGreaterThanOrEqual(before);
  await expect.poll(count, { timeout: 60_000 }).toBeGreaterThan(now);
});
