/** Debian that moves between two hosts: who is logged in by ssh stays so. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { invite, Login } from '../helpers/login.js';
import { requires } from '../helpers/requires.js';
import { ADDRESS, HERE, TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-migrate-login');

beforeAll(() => hosts.open());
afterEach(() => hosts.clear());
afterAll(() => hosts.close());

it('a session of ssh with Debian', { timeout: 900_000 }, async () => {
  await hosts.start('ssh');
  const key = `${sandbox.rootDir}/key`;
  await hosts.inside('here', invite(key));
  const login = new Login({ address: ADDRESS, key, from: HERE });
  try {
    await login.answers();
    await hosts.moveAround(['stop', 'pre-copy', 'post-copy'], async (where) => {
      await login.answers();
      expect(await hosts.inside(where, 'systemctl is-system-running; systemctl --failed --no-legend')).toBe(
        'running',
      );
    });
  } finally {
    login.end();
  }
});
