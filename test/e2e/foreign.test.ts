/** Containers of another machine: programs that the kernel hands to an emulator, inside as outside. */
import { expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('emulation');
const sandbox = useSandbox({ needs: ['emulation'], clear: [101] });

/** Enables or disables all that run programs of arm64 (Documentation/admin-guide/binfmt-misc.rst). */
const handlers = (state: '0' | '1'): Promise<string> =>
  sandbox.shell(
    `unshare --mount --propagation private sh -euc '
      at=/proc/sys/fs/binfmt_misc
      [ -e "$at/status" ] || mount -t binfmt_misc none "$at"
      for entry in $(grep -l "^magic 7f454c460201010000000000000000000200b700" "$at"/*); do echo "$1" >"$entry"; done
    ' sh "$1"`,
    state,
  );

it('builds a template for arm64 and runs it', { timeout: 300_000, tags: ['slow'] }, async () => {
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
  // As if there were no emulator.
  await handlers('0');
  try {
    expect(await sandbox.vzctl(['start', '101'])).toMatchObject({
      code: 5,
      stderr:
        'this host does not run programs for aarch64\nInstall the package qemu-user-static, of Debian 12 from its backports: systemd registers its emulators with flag F.\n',
    });
  } finally {
    await handlers('1');
  }
});

it('refuses a machine that there is no recipe for', async () => {
  const refused = await sandbox.run('cella', ['template', 'build', 'busybox', '--arch', 'vax']);
  expect(refused).toMatchObject({ code: 21 });
});
