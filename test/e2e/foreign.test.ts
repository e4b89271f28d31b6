/** Containers of another machine: programs that the kernel hands to an emulator, inside as outside. */
import { expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('emulation');
const sandbox = useSandbox({ needs: ['emulation'], clear: [101] });

it('builds a template for arm64 and runs it', { timeout: 300_000 }, async () => {
  const built = await sandbox.run('cella', ['template', 'build', 'busybox', '--arch', 'arm64']);
  expect({ code: built.code, stderr: built.stderr }).toEqual({ code: 0, stderr: '' });
  const info = await sandbox.run('cella', ['template', 'info', 'busybox-aarch64', '--json']);
  expect(JSON.parse(info.stdout)).toMatchObject({ arch: 'aarch64' });
  expect(await sandbox.vzctl(['create', '101', '--ostemplate', 'busybox-aarch64'])).toMatchObject({
    code: 0,
  });
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
  const look = 'uname -m; id -u; dd if=/bin/busybox bs=1 skip=18 count=1 2>/dev/null | od -An -tx1';
  expect(await sandbox.vzctl(['exec', '101', look])).toMatchObject({ stdout: 'aarch64\n0\n b7\n' });
  expect(await sandbox.vzctl(['stop', '101'])).toMatchObject({ code: 0 });
});

it('refuses a machine that there is no recipe for', async () => {
  const refused = await sandbox.run('cella', ['template', 'build', 'busybox', '--arch', 'vax']);
  expect(refused).toMatchObject({ code: 21 });
});
