/** Templates that containers are made from: neither removed nor replaced beneath them. */
import { expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102] });
const template = (...args: readonly string[]) => sandbox.run('cella', ['template', ...args]);
const REFUSED = {
  code: 9,
  stdout: '',
  stderr:
    "template 'busybox' is used by containers 101, 102\nDestroy what is made from it first, or give the new one another name.\n",
};

it('cannot be removed or replaced while they are there, and can afterwards', async () => {
  const before = await template('info', 'busybox', '--json');
  for (const ctid of [101, 102]) await sandbox.create(ctid);
  const tarball = `${sandbox.rootDir}/busybox.tar`;
  await sandbox.shell(
    'tar -C "$1" -cf "$2" .',
    `${sandbox.rootDir}/var/lib/vz/template/cache/busybox/rootfs`,
    tarball,
  );
  expect(await template('remove', 'busybox')).toEqual({ ...REFUSED, signal: null });
  expect(await template('build', 'busybox')).toEqual({ ...REFUSED, signal: null });
  expect(await template('import', tarball)).toEqual({ ...REFUSED, signal: null });
  const after = JSON.parse((await template('info', 'busybox', '--json')).stdout) as object;
  expect(after).toEqual({ ...(JSON.parse(before.stdout) as object), containers: [101, 102] });
  for (const ctid of ['101', '102'])
    expect(await sandbox.vzctl(['destroy', ctid])).toMatchObject({ code: 0 });
  expect(await template('import', tarball)).toMatchObject({ code: 0 });
  expect(await template('build', 'busybox')).toMatchObject({ code: 0 });
});
