/** Debian's own init, whose memory goes ahead of it each time: up after each move, with nothing that has failed. */
import { beforeAll, expect, it } from 'vitest';
import type { MigrateResult } from '../../src/container/migrate.js';
import { vzmigrate } from '../helpers/migrate.js';
import { lack } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;
const here = useSandbox({ needs: ['criu', 'soft-dirty'], keep: [101] });
const there = useSandbox({ needs: ['criu', 'soft-dirty'], keep: [101] });

beforeAll(async () => {
  if ((await lack('soft-dirty')) !== undefined) return;
  await there.template('debian-13');
  await here.createFrom(await here.template('debian-13'), 101);
  expect(await here.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
}, BUILDING_MS);

it('systemd is up after each move', { timeout: 1_200_000 }, async () => {
  let [from, to] = [here, there];
  for (let round = 0; round < 2; round += 1) {
    const moved = await vzmigrate({ from, to }, '--online', '--mode', 'pre-copy', '--json');
    expect(moved).toMatchObject({ code: 0, stderr: '' });
    expect((JSON.parse(moved.stdout) as MigrateResult).memory.length).toBeGreaterThan(1);
    const inside = async (command: string) => (await to.vzctl(['exec', '101', command])).stdout.trim();
    const state = 'systemctl is-system-running; systemctl --failed --quiet --no-legend --plain';
    expect(
      await inside(
        `${state}; systemctl --failed -q --no-legend --plain | grep -q . && journalctl -p warning --no-pager | tail -n 30`,
      ),
    ).toBe('running');
    expect(await inside('systemd-run --quiet --pipe --wait echo run')).toBe('run');
    [from, to] = [to, from];
  }
});
