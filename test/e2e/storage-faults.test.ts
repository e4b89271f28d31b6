/** What holds private areas when it runs out: disks, loop devices, the quotas of users inside. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { CLI, type Result, watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const MIB = 1 << 20;

describe('a full disk', { tags: ['slow'] }, () => {
  const sandbox = useSandbox({ on: 'ext4', clear: [101] });
  const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
  const ballast = () => `${sandbox.rootDir}/ballast`;
  const at = (path: string): readonly string[] => {
    const directory = `${sandbox.rootDir}${path}`;
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  };
  /** Of the free space leaves so many KiB. */
  const fill = async (leave: number): Promise<void> => {
    await sandbox.shell(
      `touch "$1"; sync -f "$1"; free=$(df -k --output=avail "$1" | tail -n 1); fallocate -l $((free - $2 - 64))K "$1"
      dd if=/dev/zero bs=4k count=16 status=none 2>/dev/null >> "$1" || true; sync -f "$1"`,
      ballast(),
      String(leave),
    );
  };
  const empty = () => sandbox.shell('rm -f "$1"; sync -f "$(dirname "$1")"', ballast());
  const config = () => readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8');
  beforeEach(() => empty());

  it.each([
    ['overlay:directory', 0],
    ['overlay:image', 0],
    ['plain:directory', 0],
    ['plain:directory', 600],
    ['plain:image', 600],
  ])('fails the create of %s where %i KiB are left, and leaves nothing', async (layout, left) => {
    const before = at('/etc/vz/conf');
    await fill(left);
    const result = await vzctl(
      ...['create', '101', '--ostemplate', 'busybox', '--layout', layout, '--diskspace', '64M'],
    );
    expect(result).toMatchObject({ code: 46, stderr: expect.stringMatching(/^.*no space is left.*\n$/) });
    expect([at('/etc/vz/conf'), at('/var/lib/vz/private')]).toEqual([before, []]);
    await empty();
    await sandbox.create(101, '--layout', layout, '--diskspace', '64M');
    expect(await vzctl('start', '101')).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['overlay:directory', 0],
    ['overlay:image', 0],
    ['overlay:image', 100],
  ])('fails the first start of %s where %i KiB are left, and changes nothing', async (layout, left) => {
    await sandbox.create(101, '--layout', layout, '--diskspace', '64M');
    const before = at('/var/lib/vz/private/101');
    await fill(left);
    const result = await vzctl('start', '101');
    expect(result).toMatchObject({ code: 46, stderr: expect.stringMatching(/^.*no space is left.*\n$/) });
    expect(at('/var/lib/vz/private/101')).toEqual(before);
    expect(await vzctl('status', '101')).toMatchObject({ stdout: 'CTID 101 exist unmounted down\n' });
    await empty();
    expect(await vzctl('start', '101')).toMatchObject({ code: 0, stderr: '' });
  });

  it('fails a larger limit of an image, and keeps the old size and what was written', async () => {
    await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '64M');
    await vzctl('start', '101', '--wait');
    await vzctl('exec', '101', 'echo kept > /root/file');
    await vzctl('stop', '101', '--fast');
    const [before, image] = [config(), `${sandbox.rootDir}/var/lib/vz/private/101/disk.img`];
    await fill(100);
    expect(await vzctl('set', '101', '--diskspace', '40G', '--save')).toMatchObject({
      code: 154,
      stderr: expect.stringMatching(
        /^cannot resize disk image '.*': no space is left\nIts file system needs 3\d MiB .*\n$/,
      ),
    });
    expect(config()).toBe(before);
    await empty();
    await sandbox.shell('PATH=$PATH:/usr/sbin:/sbin; e2fsck -f -n "$1"', image);
    expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await vzctl(
      'exec',
      '101',
      'cat /root/file; df -m / | tail -n 1 | tr -s " " | cut -d " " -f 2',
    );
    expect(stdout).toMatch(/^kept\n6[2-6]\n$/);
  });

  it('does not keep a container from being destroyed', async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    await fill(0);
    expect(await vzctl('destroy', '101')).toMatchObject({ code: 0, stderr: '' });
    expect(at('/var/lib/vz/private')).toEqual([]);
  });

  it('fails a set, and keeps the old config', async () => {
    await sandbox.create(101, '--hostname', 'old');
    const before = config();
    await fill(0);
    const result = await vzctl('set', '101', '--hostname', 'new', '--save');
    expect(result).toMatchObject({ code: 46, stderr: 'set of container 101 failed: no space is left\n' });
    expect(config()).toBe(before);
    expect(at('/etc/vz/conf').filter((name) => name.includes('101'))).toEqual(['101.conf']);
  });
});

describe('a host whose loop devices are all taken', { tags: ['slow'] }, () => {
  const sandbox = useSandbox({ clear: [101] });
  /** Runs a shell with a /dev of its own that has no loop device but those that are named. */
  const withDevices = (devices: string, commands: string): Promise<Result> => {
    const script = `
      vzctl() { ${process.execPath} ${CLI}vzctl.cjs "$@"; }
      mkdir "$CELLA_ROOT/dev"; mount -t tmpfs -o dev none "$CELLA_ROOT/dev"
      for name in null zero full random urandom tty ptmx ${devices}; do cp -a "/dev/$name" "$CELLA_ROOT/dev"; done
      mkdir "$CELLA_ROOT/dev/pts"; mount --bind /dev/pts "$CELLA_ROOT/dev/pts"
      mount --rbind "$CELLA_ROOT/dev" /dev; cd /
      ${commands}`;
    const env = { ...process.env, CELLA_ROOT: sandbox.rootDir };
    return watch(spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-euc', script], { env })).ended;
  };

  it.each([
    ['has no node for another one', 'loop-control'],
    ['has no driver for them', ''],
  ])('and that %s: a start fails in one sentence, and leaves nothing', async (_, devices) => {
    const { code, stdout, stderr } = await withDevices(
      devices,
      `vzctl create 101 --ostemplate busybox --layout overlay:image --diskspace 64M
       for verb in start mount; do vzctl $verb 101 || echo "status $?"; done
       vzctl status 101`,
    );
    expect(code).toBe(0);
    expect(stdout.match(/^status .*|^CTID .*/gm)).toEqual([
      'status 6',
      'status 6',
      'CTID 101 exist unmounted down',
    ]);
    expect(stderr.split('\n').filter((line) => line.startsWith('cannot'))).toEqual(
      Array(2).fill(expect.stringMatching(/^cannot mount disk image '.*': no loop device is left$/)),
    );
    await sandbox.shell('rm -r "$1/dev"', sandbox.rootDir);
    expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('quotas of users inside', () => {
  const sandbox = useSandbox({ needs: ['user-quota'], clear: [101] });
  const exec = async (command: string): Promise<string> =>
    (await sandbox.vzctl(['exec', '101', command])).stdout;
  /** On the host, with the container's file system at $at. */
  const onImage = (commands: string): Promise<string> =>
    sandbox.shell(
      `PATH=$PATH:/usr/sbin:/sbin; export at="$1/image"; mkdir -p "$at"
      exec unshare --mount --propagation private sh -euc 'mount "$(losetup -nO NAME -j "$1")" "$at"; ${commands}' sh "$2"`,
      sandbox.rootDir,
      `${sandbox.rootDir}/var/lib/vz/private/101/disk.img`,
    );
  const write = (user: string, name: string, mib: number): Promise<string> =>
    exec(
      `su ${user} -s /bin/sh -c 'dd if=/dev/zero of=/srv/${name} bs=1M count=${mib} 2>&1; wc -c < /srv/${name}'`,
    );

  it('limit what each may write, and outlast a restart', async () => {
    await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '64M', '--quotaugidlimit', '100');
    expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
    await exec(`mkdir -p /srv; chmod 1777 /srv; echo one:x:1001:50::/:/bin/sh >> /etc/passwd
      echo two:x:1002:60::/:/bin/sh >> /etc/passwd`);
    await onImage('setquota -u 1001 0 2048 0 0 "$at"; setquota -g 60 0 3072 0 0 "$at"');
    const full = (limit: number) => new RegExp(`Disk quota exceeded[^]*\\n${limit * MIB}\\n$`);
    expect(await write('one', 'a', 4)).toMatch(full(2));
    expect(await write('two', 'b', 5)).toMatch(full(3));
    expect(await exec('dd if=/dev/zero of=/srv/c bs=1M count=8 2>&1; wc -c < /srv/c')).toMatch(
      /\n8388608\n$/,
    );
    expect(await onImage('repquota -u -n "$at"')).toMatch(/^#1001 +\S+ +2048 +0 +2048 /m);
    expect(await sandbox.vzctl(['restart', '101', '--wait'])).toMatchObject({ code: 0 });
    expect(await write('one', 'd', 1)).toMatch(/Disk quota exceeded/);
    expect(await exec('rm /srv/a /srv/d; echo done')).toBe('done\n');
    expect(await write('one', 'd', 1)).toMatch(/\n1048576\n$/);
  });
});
