/** cella disk: a container out into an image, and an image in as a template that containers are made of. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102] });

it('takes a container there and back, with the ids that it sees', async () => {
  await sandbox.create(101);
  await sandbox.vzctl(['start', '101', '--wait']);
  const changes = 'echo kept > /root/file; chown 33:44 /root/file; rm /etc/inittab';
  expect(await sandbox.vzctl(['exec', '101', changes])).toMatchObject({ code: 0 });
  const image = `${sandbox.rootDir}/disk.qcow2`;
  const argv = ['disk', 'export', '101', image, '--format', 'qcow2', '--partitioned'];
  expect(await sandbox.run('cella', argv)).toMatchObject({
    code: 32,
    stderr: 'container 101 is running\nStop it first: vzctl stop 101\n',
  });
  await sandbox.vzctl(['stop', '101', '--fast']);
  const exported = await sandbox.run('cella', argv);
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  expect(exported.stdout).toMatch(/\nDisk image .*\/disk\.qcow2 was made, \d+ MiB\n$/);

  const imported = await sandbox.run('cella', ['disk', 'import', image, '--template', 'back']);
  expect(imported).toMatchObject({ code: 0, stderr: '' });
  expect(imported.stdout).toMatch(/\nFound a system \(qcow2, gpt, volume 1\)\nTemplate back was made\n$/);
  const cache = `${sandbox.rootDir}/var/lib/vz/template/cache`;
  expect(readdirSync(cache).filter((name) => name !== '.lock')).toEqual(['back', 'busybox']);
  expect(lstatSync(`${cache}/back/rootfs/root/file`)).toMatchObject({ uid: 33, gid: 44 });
  expect(statSync(`${cache}/back/rootfs/etc/inittab`, { throwIfNoEntry: false })).toBeUndefined();

  expect(await sandbox.vzctl(['create', '102', '--ostemplate', 'back'])).toMatchObject({ code: 0 });
  expect(await sandbox.vzctl(['start', '102'])).toMatchObject({ code: 0 });
  expect((await sandbox.vzctl(['exec', '102', 'cat /root/file'])).stdout).toBe('kept\n');
});

it.each(['plain:directory', 'overlay:image', 'plain:image'])(
  'exports a container of layout %s',
  { tags: ['slow'] },
  async (layout) => {
    await sandbox.create(101, '--layout', layout, '--diskspace', '64M');
    await sandbox.vzctl(['start', '101', '--wait']);
    await sandbox.vzctl(['exec', '101', 'echo kept > /root/file; chown 33:44 /root/file']);
    await sandbox.vzctl(['stop', '101', '--fast']);
    const image = `${sandbox.rootDir}/${layout}.raw`;
    expect(await sandbox.run('cella', ['disk', 'export', '101', image])).toMatchObject({
      code: 0,
      stderr: '',
    });
    const imported = await sandbox.run('cella', ['disk', 'import', image, '--template', 'back']);
    expect(imported).toMatchObject({ code: 0, stderr: '' });
    const file = `${sandbox.rootDir}/var/lib/vz/template/cache/back/rootfs/root/file`;
    expect(lstatSync(file)).toMatchObject({ uid: 33, gid: 44 });
  },
);

it.each([
  [['import', '/nowhere', '--template', 'x'], 21, "disk image '/nowhere' does not exist\n"],
  [['import', '/etc/passwd', '--template', '../x'], 21, "'../x' is not a name of a template\n"],
  [['export', '102', '/tmp/never'], 14, 'container 102 does not exist\n'],
] as const)('says in one sentence what is wrong with %j', async (argv, code, stderr) => {
  expect(await sandbox.run('cella', ['disk', ...argv])).toMatchObject({ code, stderr });
});
