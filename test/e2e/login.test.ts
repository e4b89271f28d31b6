/** Debian's own init with a user's beside it: somebody is logged in by ssh, and stays so. */
import { beforeAll, expect, it } from 'vitest';
import { invite, Login } from '../helpers/login.js';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;
const ADDRESS = '192.0.2.10';
const here = useSandbox({ needs: ['criu'] });
const networks = useNetworks(here, 101);

const STARTS =
  'systemd-run --quiet --unit=starts sh -c "while :; do systemd-run --quiet --wait --collect true; done"';
const HOW = `systemctl is-system-running; systemctl --failed --no-legend
  XDG_RUNTIME_DIR=/run/user/0 systemctl --user is-system-running; loginctl --no-legend list-users | cut -d " " -f 2`;
const WELL = 'running\nrunning\nroot';

beforeAll(async () => {
  await here.template('ssh');
}, BUILDING_MS);

/** In a container that starts services all the time. */
async function logIn(): Promise<Login> {
  await here.createFrom(await here.template('ssh'), 101);
  await networks.good('set', '101', '--ipadd', ADDRESS, '--save');
  await networks.good('start', '101', '--wait');
  const key = `${here.rootDir}/key`;
  await networks.inside(101, `${invite(key)}; ${STARTS}`);
  const login = new Login({ address: ADDRESS, key, by: networks.wan.argv() });
  await login.answers();
  return login;
}

it('a session goes on after each suspend', { timeout: 300_000, tags: ['slow'] }, async () => {
  const login = await logIn();
  try {
    for (let round = 0; round < 5; round += 1) {
      await networks.good('suspend', '101');
      await networks.good('resume', '101');
      await login.answers();
      expect(await networks.inside(101, HOW)).toBe(WELL);
    }
  } finally {
    login.end();
  }
});
