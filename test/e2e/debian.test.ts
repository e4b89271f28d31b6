/** Debian's own init in a container: up without a failed unit, looked into, and shut down in order. */
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;

describe('debian-13', () => lives('debian-13'));
describe('debian-12', { tags: ['slow'] }, () => lives('debian-12'));

function lives(recipe: 'debian-13' | 'debian-12'): void {
  const sandbox = useSandbox({ keep: [101] });
  beforeAll(async () => {
    await sandbox.createFrom(await sandbox.template(recipe), 101);
  }, BUILDING_MS);

  const inside = async (command: string) => (await sandbox.vzctl(['exec', '101', command])).stdout.trim();

  it('boots until nothing is left to start, none of its units having failed', async () => {
    expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
    expect(await inside('systemctl --failed --no-legend --plain')).toBe('');
    expect(await inside('systemctl is-system-running')).toBe('running');
    expect(await inside('cat /run/systemd/container')).toBe('cella');
    expect(await inside('wc -c </etc/machine-id')).toBe('33');
  });

  it('lets systemd manage groups below its own, and a command beside them', async () => {
    expect(await inside('systemd-run --quiet --pipe --wait grep ^0: /proc/self/cgroup')).toMatch(
      /^0::\/system\.slice\/run-/,
    );
    expect(await inside('grep ^0: /proc/1/cgroup')).toBe('0::/init.scope');
    expect(await inside('grep ^0: /proc/self/cgroup')).toBe('0::/exec');
  });

  it('has a journal, and users with managers of their own', async () => {
    expect(
      await inside('echo written | systemd-cat -t witness; journalctl --sync; journalctl -o cat -t witness'),
    ).toBe('written');
    await inside('useradd --create-home --shell /bin/sh alice; loginctl enable-linger alice');
    const state = 'systemctl is-active user@$(id -u alice).service';
    await expect.poll(() => inside(state), { timeout: 60_000 }).toBe('active');
    expect(await inside("su -l alice -c 'systemctl --user is-system-running --wait'")).toBe('running');
    expect(await inside('systemctl is-system-running')).toBe('running');
  });

  it('shuts down when it is asked to, long before it would be killed', async () => {
    await inside(
      'journalctl --flush; systemd-run --quiet --unit=witness --property=ExecStop="touch /root/asked" sleep 1000',
    );
    const begun = Date.now();
    expect(await sandbox.vzctl(['stop', '101'])).toMatchObject({ code: 0, stderr: '' });
    expect(Date.now() - begun).toBeLessThan(30_000);
    await sandbox.vzctl(['mount', '101']);
    const asked = existsSync(`${sandbox.rootDir}/var/lib/vz/root/101/root/asked`);
    await sandbox.vzctl(['umount', '101']);
    expect(asked).toBe(true);
  });
}
