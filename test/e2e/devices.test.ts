/** Devices of the host in containers: nodes, what may be done with them, features; at the start and live. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { PLACES, pciDevice } from '../../src/host/devices.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const inside = async (command: string): Promise<string> =>
  (await vzctl('exec', '101', command)).stdout.trim();
const status = async (command: string): Promise<number | null> => (await vzctl('exec2', '101', command)).code;

async function start(...args: readonly string[]): Promise<void> {
  await sandbox.create(101, ...args);
  expect(await vzctl('start', '101', '--wait')).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^(?:|.*privileged.*\n)$/),
  });
}

/** Tun refuses to be read without an interface: then it was opened. */
const READS_TUN = 'head -c 1 /dev/net/tun 2>&1';
const ANSWERS = /Input\/output error/;

describe('--features', () => {
  it('fuse, tun: nodes of the container root, which open', async () => {
    await start('--features', 'fuse:on,tun:on');
    expect(await inside('stat -c "%u:%g %a %F %t:%T" /dev/fuse /dev/net/tun')).toBe(
      '0:0 666 character special file a:e5\n0:0 666 character special file a:c8',
    );
    expect(await inside(READS_TUN)).toMatch(ANSWERS);
    expect(await status('exec 3<>/dev/fuse')).toBe(0);
  });

  it('fuse, tun: come and go while it runs', async () => {
    await start();
    expect(await status('ls /dev/fuse || ls /dev/net')).not.toBe(0);
    expect(await vzctl('set', '101', '--features', 'fuse:on,tun:on', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(READS_TUN)).toMatch(ANSWERS);
    expect(await status('exec 3<>/dev/fuse')).toBe(0);
    expect(await vzctl('set', '101', '--features', 'fuse:off', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await status('[ -e /dev/fuse ]')).not.toBe(0);
    expect(await inside(READS_TUN)).toMatch(ANSWERS);
  });

  it('time: an uptime of its own, for commands that enter too', { tags: ['slow'] }, async () => {
    await start('--features', 'time:on');
    const uptime = async (path: string): Promise<number> =>
      Number((await inside(`cut -d. -f1 ${path}`)) || NaN);
    expect(await uptime('/proc/uptime')).toBeLessThan(30);
    expect(Number(readFileSync('/proc/uptime', 'utf8').split('.')[0])).toBeGreaterThan(60);
    expect(await inside('readlink /proc/1/ns/time; readlink /proc/self/ns/time')).toMatch(/^(\S+)\n\1$/);
  });

  it('what has no meaning here is kept, and said once', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    expect(await vzctl('set', '101', '--features', 'nfsd:on,sysfs:on', '--save')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('no effect on this system, only kept: --features nfsd:on\n'),
    });
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8')).toContain('nfsd:on');
    expect(await vzctl('start', '101')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('--devnodes and --devices', () => {
  it('allow what they say and no more: reading, writing', async () => {
    await start('--devnodes', 'kmsg:r', '--devnodes', 'zero:w');
    // The kernel's own rules for kmsg (dmesg_restrict) come after the container's.
    expect(await status('exec 3>/dev/kmsg')).not.toBe(0);
    expect(await status('exec 3>/dev/zero')).toBe(0);
    expect(await inside('head -c 1 /dev/zero 2>&1')).toMatch(/Operation not permitted/);
    expect(await inside('head -c 2 /dev/urandom | wc -c')).toBe('2');
  });

  it('change while it runs, and back', async () => {
    await start();
    expect(await vzctl('set', '101', '--devnodes', 'net/tun:rw', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(READS_TUN)).toMatch(ANSWERS);
    expect(await vzctl('set', '101', '--devnodes', 'net/tun:w', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(READS_TUN)).toMatch(/Operation not permitted/);
    expect(await status('exec 3>/dev/net/tun')).toBe(0);
    expect(await vzctl('set', '101', '--devnodes', 'net/tun:none', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await status('[ -e /dev/net/tun ]')).not.toBe(0);
    expect(await vzctl('set', '101', '--devices', 'c:10:200:r', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(READS_TUN)).toMatch(ANSWERS);
    expect(await status('exec 3>/dev/net/tun')).not.toBe(0);
    await vzctl('restart', '101', '--wait');
    expect(await inside(READS_TUN)).toMatch(ANSWERS);
    expect(await status('exec 3>/dev/net/tun')).not.toBe(0);
  });

  it('cannot be widened from inside: by the mode of the node, a node of one’s own, or another group', {
    tags: ['slow'],
  }, async () => {
    await start('--devnodes', 'net/tun:w');
    expect(await inside('chmod 777 /dev/net/tun; head -c 1 /dev/net/tun 2>&1')).toMatch(
      /Operation not permitted/,
    );
    expect(await status('mknod /tmp/tun c 10 200')).not.toBe(0);
    await inside('mkdir -p /sys/fs/cgroup/free; echo $$ > /sys/fs/cgroup/free/cgroup.procs; true');
    expect(await inside(READS_TUN)).toMatch(/Operation not permitted/);
  });

  it('refuse what is no device of this host, and change nothing', { tags: ['slow'] }, async () => {
    await start();
    for (const name of ['nowhere', 'pts', 'net'])
      expect(await vzctl('set', '101', '--devnodes', `${name}:rw`, '--save')).toMatchObject({
        code: 86,
        stderr: `'/dev/${name}' is no device of this host\n`,
      });
    expect(await vzctl('set', '101', '--devnodes', '../etc/passwd:rw')).toMatchObject({ code: 21 });
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8')).not.toContain('DEVNODES');
  });

  it.each([
    ['the node', 'mkdir -p /dev/net; ln -s /root/prey /dev/net/tun'],
    ['its directory', 'ln -s /root /dev/net'],
    ['its directory, out of the root', 'ln -s ../../../../../etc /dev/net'],
  ])('are not led away by a link in the place of %s', { tags: ['slow'] }, async (_, attack) => {
    await start();
    const before = readdirSync('/etc');
    await inside(`touch /root/prey; ${attack}`);
    expect(await vzctl('set', '101', '--devnodes', 'net/tun:rw', '--save')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^cannot attach a mount at '\/dev\/net\/tun': E(LOOP|NOTDIR)\n$/),
    });
    expect(await inside('stat -c %F /root/prey; ls /root')).toBe('regular empty file\nprey');
    expect(readdirSync('/etc')).toEqual(before);
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8')).not.toContain('DEVNODES');
  });
});

describe('a privileged container', () => {
  const DISK = readdirSync('/sys/dev/block')[0]?.split(':') ?? [];

  it('can neither make nor open other devices than the usual', async () => {
    await start('--local_uid', '0');
    await inside('mkdir -p /tmp/d; mount -t tmpfs devices /tmp/d');
    expect(await inside(`mknod /tmp/d/disk b ${DISK.join(' ')} 2>&1`)).toMatch(/Operation not permitted/);
    expect(await inside('mknod /tmp/d/mem c 1 1 2>&1')).toMatch(/Operation not permitted/);
    expect(await status('mknod /tmp/d/null c 1 3 && : >/tmp/d/null')).toBe(0);
    expect(await status('mknod /tmp/d/whiteout c 0 0')).toBe(0);
    expect(await inside('head -c 1 /dev/zero | wc -c')).toBe('1');
    // A device of the host that a bind mount would show is none that it can open.
    expect(await status('exec 3<>/dev/ptmx')).toBe(0);
  });

  it('may be given one, live', async () => {
    await start('--local_uid', '0');
    await inside('mkdir -p /tmp/d; mount -t tmpfs devices /tmp/d');
    expect(await status('mknod /tmp/d/tun c 10 200')).not.toBe(0);
    await vzctl('set', '101', '--devices', 'c:10:200:rw', '--save');
    expect(await status('mknod /tmp/d/tun c 10 200')).toBe(0);
    expect(await inside('head -c 1 /tmp/d/tun 2>&1')).toMatch(ANSWERS);
    await vzctl('set', '101', '--devices', 'c:10:200:none', '--save');
    expect(await inside('head -c 1 /tmp/d/tun 2>&1')).toMatch(/Operation not permitted/);
  });

  it('cannot say more in a control group that it mounts', { tags: ['slow'] }, async () => {
    await start('--local_uid', '0');
    await inside(`mkdir -p /tmp/d /tmp/g; mount -t tmpfs devices /tmp/d
      mount -t cgroup -o devices devices /tmp/g && for at in /tmp/g /tmp/g/*; do echo a > $at/devices.allow; echo $$ > $at/tasks; done
      mount -o remount,rw /sys/fs/cgroup; mkdir /sys/fs/cgroup/free; echo $$ > /sys/fs/cgroup/free/cgroup.procs`);
    expect(await inside('mknod /tmp/d/mem c 1 1 2>&1')).toMatch(/Operation not permitted/);
  });
});

describe('--capability', { tags: ['slow'] }, () => {
  it('takes one away from everything in the container', async () => {
    await start('--capability', 'net_raw:off,chown:off,sys_time:on');
    for (const pid of ['1', 'self']) {
      const mask = BigInt(`0x${await inside(`sed -n 's/^CapBnd:.//p' /proc/${pid}/status`)}`);
      expect([(mask >> 13n) & 1n, mask & 1n, (mask >> 25n) & 1n, (mask >> 12n) & 1n]).toEqual([
        0n,
        0n,
        0n,
        1n,
      ]);
    }
    expect(await inside('touch /root/file; chown 1 /root/file 2>&1')).toMatch(/Operation not permitted/);
  });

  it('waits for the next start where it runs, and says so; what no container has stays off', {
    tags: ['slow'],
  }, async () => {
    await start();
    const { stderr } = await vzctl('set', '101', '--capability', 'net_raw:off,sys_module:on', '--save');
    expect(stderr).toContain('from its next start on: --capability; --setmode restart starts it anew\n');
    expect(stderr).toContain('no container has these capabilities: sys_module\n');
    const mask = async (): Promise<bigint> =>
      BigInt(`0x${await inside("sed -n 's/^CapBnd:.//p' /proc/self/status")}`);
    expect(((await mask()) >> 13n) & 1n).toBe(1n);
    await vzctl('restart', '101', '--wait');
    expect(((await mask()) >> 13n) & 1n).toBe(0n);
    expect(((await mask()) >> 16n) & 1n).toBe(0n);
  });
});

describe('what keeps it from being checkpointed', { tags: ['slow'] }, () => {
  it('is told by the plan and the library: nesting, devices; nothing where there is nothing', async () => {
    await sandbox.create(101);
    const container = (await openHost({ rootDir: sandbox.rootDir })).container(101);
    const planned = async () =>
      JSON.parse((await vzctl('start', '101', '--plan')).stdout) as Record<string, unknown>;
    expect(await planned()).toMatchObject({ checkpointable: true, whyNotCheckpointable: [] });
    await vzctl('set', '101', '--features', 'nesting:on,fuse:on', '--save');
    const reasons = [
      'containers may run in it (features nesting:on)',
      "it uses the device '/dev/fuse' of this host",
    ];
    expect(await planned()).toMatchObject({ checkpointable: false, whyNotCheckpointable: reasons });
    await vzctl('start', '101');
    await vzctl('set', '101', '--features', 'nesting:off', '--save');
    // It goes on as it began.
    expect(await container.whyNotCheckpointable()).toEqual(reasons);
  });
});

describe('--pci_add', { tags: ['slow'] }, () => {
  /** One of this machine's with a disk, and none that its network needs. */
  const address = readdirSync('/sys/bus/pci/devices').find((at) => {
    const { nodes, interfaces } = pciDevice(PLACES, at);
    return interfaces.length === 0 && nodes.some(({ type }) => type === 'b');
  });

  it('gives the nodes that belong to a device, and takes them back', async () => {
    expect(address).toBeDefined();
    const [node] = pciDevice(PLACES, address ?? '').nodes;
    // A machine may keep its own disk from being opened, even by its root.
    const look = `[ -b /dev/${node?.name} ] && head -c 512 /dev/${node?.name} 2>/dev/null | wc -c`;
    const there = (await sandbox.shell(look)).trim();
    await start();
    expect(await inside(look)).toBe('');
    expect(await vzctl('set', '101', '--pci_add', address ?? '', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(look)).toBe(there);
    await vzctl('restart', '101', '--wait');
    expect(await inside(look)).toBe(there);
    expect(await vzctl('set', '101', '--pci_del', address ?? '', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(look)).toBe('');
  });

  it('refuses a device that is not there', async () => {
    await start();
    expect(await vzctl('set', '101', '--pci_add', '0f:1f.7', '--save')).toMatchObject({
      code: 147,
      stderr: "this host has no PCI device '0000:0f:1f.7'\n",
    });
  });
});
