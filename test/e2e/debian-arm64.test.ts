/** Debian's own init for another machine: the emulator runs all of it, in a container as elsewhere. */
import { expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['emulation', 'emulated-systemd'], clear: [101] });

// Built where the cache has none: minutes.
it('boots without a failed unit, and shuts down in order', {
  tags: ['slow'],
  timeout: 1_200_000,
}, async () => {
  const inside = async (command: string) => (await sandbox.vzctl(['exec', '101', command])).stdout.trim();
  await sandbox.createFrom(await sandbox.template('debian-13', 'arm64'), 101);
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
  expect(await inside('systemctl --failed --no-legend --plain')).toBe('');
  expect(await inside('systemctl is-system-running')).toBe('running');
  expect(await inside('uname -m; dpkg --print-architecture')).toBe('aarch64\narm64');
  // A unit with a mount namespace, and one that D-Bus starts.
  expect(await inside('systemd-run --quiet --pipe --wait -p DynamicUser=yes touch /usr/here 2>&1')).toMatch(
    /Read-only file system$/,
  );
  expect(await inside('hostnamectl hostname')).toBe('CT101');
  await inside('systemd-run --quiet --unit=witness --property=ExecStop="touch /root/asked" sleep 1000');
  const begun = Date.now();
  expect(await sandbox.vzctl(['stop', '101'])).toMatchObject({ code: 0, stderr: '' });
  expect(Date.now() - begun).toBeLessThan(30_000);
  await sandbox.vzctl(['start', '101', '--wait']);
  expect(await inside('ls /root/asked')).toBe('/root/asked');
});
