/** Debian's own init, suspended and resumed: up as before, idle as before, and what it manages goes on. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;
/** An emulated processor takes seconds to start a program when it is busy with others. */
const WATCHED_S = process.env.CELLA_LANE === 'vm' ? 20 : 5;
const sandbox = useSandbox({ needs: ['criu'], keep: [101] });
const inside = async (command: string) => (await sandbox.vzctl(['exec', '101', command])).stdout.trim();
const init = (): number => JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/101.json`, 'utf8')).init.pid;

/** Hundredths of a second. */
function ticks(): number {
  const stat = readFileSync(`/proc/${init()}/stat`, 'utf8');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .reduce((sum, field) => sum + Number(field), 0);
}

const UNITS = `
  systemd-run --quiet --unit=limited --property=MemoryMax=50M --property=TasksMax=33 sleep 100000
  systemd-run --quiet --unit=every --property=StartLimitIntervalSec=0 --on-active=1s --on-unit-active=1s --timer-property=AccuracySec=100ms \\
    sh -c 'date +%s >>/root/ticks'
  systemd-run --quiet --unit=watchman --property=WatchdogSec=${WATCHED_S}s --property=NotifyAccess=all \\
    sh -c 'while :; do systemd-notify WATCHDOG=1; sleep 1; done'
  journalctl --sync`;
const limits = () =>
  inside(
    'cd /sys/fs/cgroup/system.slice/limited.service && cat memory.max pids.max cgroup.procs 2>/dev/null',
  );
/** Without that of the service that a timer starts all the time. */
const groups = () => inside('cd /sys/fs/cgroup && find . -type d | grep -v every | sort');

beforeAll(async () => {
  await sandbox.createFrom(await sandbox.template('debian-13'), 101);
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
  await inside(UNITS);
}, BUILDING_MS);

describe('systemd', () => {
  it('is up after it, several times over', { timeout: 300_000 }, async () => {
    for (let round = 0; round < 3; round += 1) {
      const before = [await limits(), await groups()];
      await sandbox.good('suspend', '101');
      await sandbox.good('resume', '101');
      expect([await limits(), await groups()]).toEqual(before);
      expect(await inside('systemctl is-system-running')).toBe('running');
      expect(await inside('systemctl --failed --no-legend --plain')).toBe('');
    }
  });

  it('goes back to a snapshot, and on from there', { timeout: 300_000 }, async () => {
    const snapshot = ['--id', '11111111-0000-4000-8000-000000000000'];
    await sandbox.good('snapshot', '101', ...snapshot);
    expect(await inside('systemctl is-system-running')).toBe('running');
    await inside('echo later >/root/later; systemctl stop limited');
    await sandbox.good('snapshot-switch', '101', ...snapshot, '--must-resume');
    expect(await inside('systemctl is-system-running; systemctl is-active limited; ls /root')).toBe(
      'running\nactive\nticks',
    );
    await inside('systemd-run --quiet --wait touch /root/made');
    await sandbox.good('snapshot-delete', '101', ...snapshot);
    expect(await inside('systemctl --failed --no-legend --plain; ls /root/made')).toBe('/root/made');
  });

  it('does nothing while there is nothing to do', async () => {
    const before = ticks();
    await sleep(3000);
    // A timer and a watchdog of a second each are there; one that is woken for ever takes it all.
    expect(ticks() - before).toBeLessThan(150);
  });

  it('starts and restarts services, and keeps a journal', async () => {
    expect(await inside('systemd-run --quiet --pipe --wait echo run')).toBe('run');
    expect(await inside('systemctl restart systemd-journald && systemctl is-active systemd-journald')).toBe(
      'active',
    );
    expect(
      await inside('echo written | systemd-cat -t witness; journalctl --sync; journalctl -o cat -t witness'),
    ).toBe('written');
  });

  it('has timers go off when they should', async () => {
    const lines = async () => Number((await inside('wc -l </root/ticks')) || 0);
    const before = await lines();
    await expect.poll(lines, { timeout: 20_000, interval: 500 }).toBeGreaterThan(before + 3);
  });

  it('hears of services that are alive', async () => {
    await sleep((WATCHED_S + 2) * 1000);
    expect(await inside('systemctl is-active watchman; systemctl show watchman --property=NRestarts')).toBe(
      'active\nNRestarts=0',
    );
  });

  it('shuts down in order', async () => {
    expect(await sandbox.vzctl(['stop', '101'])).toMatchObject({ code: 0, stderr: '' });
  });
});
