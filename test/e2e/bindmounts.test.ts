/** Directories of the host in containers, and what a guest does to be shown others. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

let data: string;
beforeEach(() => {
  data = `${sandbox.rootDir}/data`;
  mkdirSync(`${data}/sub`, { recursive: true });
  writeFileSync(`${data}/file`, 'of the host\n');
});
afterEach(() => rmSync(data, { recursive: true }));

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const inside = async (command: string): Promise<string> =>
  (await vzctl('exec', '101', command)).stdout.trim();
const status = async (command: string): Promise<number | null> => (await vzctl('exec2', '101', command)).code;
const add = (...binds: readonly string[]) => binds.flatMap((bind) => ['--bindmount_add', bind]);
const config = (): string => readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8');

async function start(...args: readonly string[]): Promise<void> {
  await sandbox.create(101, ...args);
  expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0 });
}

describe('--bindmount_add', () => {
  it('shows a directory with the ids of the container, in both directions', async () => {
    await start(...add(`${data}:/srv/deep/data`));
    expect(await inside('stat -c "%u:%g" /srv/deep/data /srv/deep/data/file; cat /srv/deep/data/file')).toBe(
      '0:0\n0:0\nof the host',
    );
    await inside('echo back >/srv/deep/data/written; chown 7:8 /srv/deep/data/written');
    expect(readFileSync(`${data}/written`, 'utf8')).toBe('back\n');
    expect(statSync(`${data}/written`)).toMatchObject({ uid: 7, gid: 8 });
  });

  it('comes and goes while it runs, and is there again after a restart', async () => {
    await start();
    expect(await vzctl('set', '101', ...add(`${data}:/mnt/data,ro`), '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside('cat /mnt/data/file')).toBe('of the host');
    expect(await inside('touch /mnt/data/new 2>&1')).toMatch(/Read-only file system/);
    await vzctl('restart', '101', '--wait');
    expect(await inside('cat /mnt/data/file')).toBe('of the host');
    expect(await vzctl('set', '101', '--bindmount_del', '/mnt/data', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside('ls /mnt/data')).toBe('');
    expect(readdirSync(data)).toEqual(['file', 'sub']);
  });

  it('without a source: a directory of the private area, kept over restarts', {
    tags: ['slow'],
  }, async () => {
    await start(...add('/var/kept'));
    await inside('echo mine >/var/kept/file');
    const kept = `${sandbox.rootDir}/var/lib/vz/private/101/mnt/var/kept`;
    expect(readFileSync(`${kept}/file`, 'utf8')).toBe('mine\n');
    expect(statSync(`${kept}/file`)).toMatchObject({ uid: 0, gid: 0 });
    await vzctl('restart', '101', '--wait');
    expect(await inside('cat /var/kept/file')).toBe('mine');
    await vzctl('set', '101', '--bindmount_del', 'all', '--save');
    expect(await inside('ls /var/kept')).toBe('');
    expect(readFileSync(`${kept}/file`, 'utf8')).toBe('mine\n');
  });

  it.each([
    ['convert', ['--layout', 'plain:directory']],
    ['move', ['--private', '/var/lib/vz/private/elsewhere']],
  ] as const)('without a source, it outlives a %s', { tags: ['slow'] }, async (verb, options) => {
    await sandbox.create(101, '--layout', 'overlay:directory', ...add('/var/kept'));
    await vzctl('start', '101', '--wait');
    await inside('echo mine >/var/kept/file');
    await vzctl('stop', '101', '--fast');
    const command = verb === 'move' ? 'cella' : 'vzctl';
    expect(await sandbox.run(command, [verb, '101', ...options])).toMatchObject({ code: 0 });
    await vzctl('start', '101', '--wait');
    expect(await inside('cat /var/kept/file')).toBe('mine');
  });

  it('has the flags that it is given, and never devices', { tags: ['slow'] }, async () => {
    await start(...add(`${data}:/a,noexec,nosuid`, `${data}:/b`));
    expect(await inside("grep -E ' /(a|b) ' /proc/mounts | cut -d' ' -f2,4")).toMatch(
      /^\/a rw,nosuid,nodev,noexec\S*\n\/b rw,nodev(?!,nosuid)\S*$/,
    );
    await inside('cp /bin/busybox /a/true');
    expect(await status('/a/true')).not.toBe(0);
    expect(await status('cp /b/true /root/true; /root/true')).toBe(0);
  });

  it('shows a single file', { tags: ['slow'] }, async () => {
    await start(...add(`${data}/file:/etc/from-host`));
    expect(await inside('cat /etc/from-host; stat -c %F /etc/from-host')).toBe('of the host\nregular file');
  });

  it('takes a directory in another one last, whatever the order', { tags: ['slow'] }, async () => {
    await start(...add(`${data}/sub:/a/sub`, `${data}:/a`));
    await inside('touch /a/sub/here');
    expect(readdirSync(`${data}/sub`)).toEqual(['here']);
    expect(await inside('ls /a')).toBe('file\nsub');
  });
});

describe('a guest that wants to be shown something else', () => {
  it.each([
    ['/mnt/x', 'ln -s /root /mnt/x'],
    ['/mnt/x', 'ln -s ../../../../../../etc /mnt/x'],
    ['/mnt/x/y', 'ln -s /proc/self/root /mnt/x'],
    ['/mnt/x/y/z', 'mkdir /mnt/x; ln -s /etc /mnt/x/y'],
  ])('%s: %s → refused, live and at a start', { tags: ['slow'] }, async (target, attack) => {
    await start();
    await inside(attack);
    const before = readdirSync('/etc');
    const refused = {
      code: 3,
      stderr: expect.stringMatching(/^cannot attach a mount at '\S+': (ELOOP|ENOTDIR)\n$/),
    };
    expect(await vzctl('set', '101', ...add(`${data}:${target}`), '--save')).toMatchObject(refused);
    expect(config()).not.toContain('BINDMOUNT');
    await vzctl('stop', '101');
    await vzctl('set', '101', ...add(`${data}:${target}`), '--save');
    expect(await vzctl('start', '101')).toMatchObject(refused);
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down\n');
    expect(readdirSync('/etc')).toEqual(before);
  });

  it('gains nothing from a link in a directory that it has', { tags: ['slow'] }, async () => {
    await start(...add('/shared', '/shared/inner'));
    await inside('echo own >/shared/inner/file');
    await vzctl('set', '101', '--bindmount_del', '/shared/inner', '--save');
    await inside('rm -rf /shared/inner; ln -s /etc /shared/inner');
    expect(await vzctl('set', '101', ...add('/other:/nowhere'))).toMatchObject({ code: 3 });
    // The private area holds /shared/inner below /shared.
    const { code, stderr } = await vzctl('set', '101', ...add('/shared/inner'), '--save');
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/^cannot take '\/shared\/inner': (ELOOP|ENOTDIR)\n$/),
    ]);
  });

  it.each(['link', 'link/sub'])(
    'a source through a link, %s, is refused',
    { tags: ['slow'] },
    async (name) => {
      await start();
      symlinkSync(data, `${sandbox.rootDir}/link`);
      expect(await vzctl('set', '101', ...add(`${sandbox.rootDir}/${name}:/x`), '--save')).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('ELOOP'),
      });
      rmSync(`${sandbox.rootDir}/link`);
      expect(config()).not.toContain('BINDMOUNT');
    },
  );

  it.each([':/x', '/', 'relative:/x', '/a:/b:/c', '/a:/b,odd', '/../x:relative'])(
    '%s is refused',
    { tags: ['slow'] },
    async (bind) => {
      await sandbox.create(101);
      const before = config();
      expect((await vzctl('set', '101', ...add(bind), '--save')).code).toBe(21);
      expect(config()).toBe(before);
    },
  );
});

describe('a privileged container', { tags: ['slow'] }, () => {
  it('gets a directory as it is, without its devices', async () => {
    await start('--local_uid', '0', ...add(`${data}:/data`));
    expect(await inside('cat /data/file')).toBe('of the host');
    expect(await status('mknod /data/null c 1 3 && : >/data/null')).not.toBe(0);
  });
});
