/** Debian's own init on its way from host to host and back: up as before, and with the same services. Between machines: test/hosts. */
import { beforeAll, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;
const here = useSandbox({ needs: ['criu'], keep: [101] });
const there = useSandbox({ needs: ['criu'], keep: [101] });

const UNITS = `
  systemd-run --quiet --unit=limited --property=MemoryMax=50M --property=TasksMax=33 sleep 100000
  systemd-run --quiet --unit=every --on-active=1s --on-unit-active=1s --timer-property=AccuracySec=100ms --property=StartLimitIntervalSec=0 \\
    sh -c 'date +%s >>/root/ticks'
  loginctl enable-linger root
  journalctl --sync`;

const LIMITS = 'cd /sys/fs/cgroup/system.slice/limited.service && cat memory.max pids.max 2>/dev/null';

beforeAll(async () => {
  await there.template('debian-13');
  await here.createFrom(await here.template('debian-13'), 101);
  expect(await here.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
  await here.vzctl(['exec', '101', UNITS]);
}, BUILDING_MS);

it('systemd is up after each move', { timeout: 300_000, tags: ['slow'] }, async () => {
  let [from, to] = [here, there];
  const limits = (await here.vzctl(['exec', '101', LIMITS])).stdout.trim();
  for (let round = 0; round < 3; round += 1) {
    const { code, stdout, stderr } = await vzmigrate({ from, to }, '--online', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ rounds: expect.anything() });
    const inside = async (command: string) => (await to.vzctl(['exec', '101', command])).stdout.trim();
    const state = 'systemctl is-system-running; systemctl --failed --no-legend --plain';
    expect(
      await inside(
        `${state}; systemctl --failed -q --no-legend --plain | grep -q . && journalctl -p warning --no-pager | tail -n 20`,
      ),
    ).toBe('running');
    expect(await inside(LIMITS)).toBe(limits);
    expect(await inside('XDG_RUNTIME_DIR=/run/user/0 systemctl --user is-system-running')).toBe('running');
    expect(await inside('systemd-run --quiet --pipe --wait echo run')).toBe('run');
    const ticks = async () => Number((await inside('wc -l </root/ticks')) || 0);
    const before = await ticks();
    await expect.poll(ticks, { timeout: 20_000, interval: 500 }).toBeGreaterThan(before + 2);
    [from, to] = [to, from];
  }
});
