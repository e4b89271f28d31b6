/** vzctl set: every parameter with an effect, read back from inside the container or from the kernel. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diskOf } from '../../src/host/disk-of.js';
import { readGroup } from '../helpers/groups.js';
import { lack } from '../helpers/requires.js';
import { Sandbox } from '../helpers/sandbox.js';

let sandbox: Sandbox;
const configOf = (ctid: number): string =>
  readFileSync(`${sandbox.rootDir}/etc/vz/conf/${ctid}.conf`, 'utf8');
const inside = async (script: string): Promise<string> => (await sandbox.good('exec', '101', script)).trim();
const group = (...names: readonly string[]) => readGroup(sandbox.rootDir, 101, ...names);
const set = (...args: readonly string[]) => sandbox.good('set', '101', ...args, '--save');

beforeAll(async () => {
  sandbox = await Sandbox.open();
});

afterAll(async () => {
  await sandbox.clear(101);
  await sandbox.close();
});

const GIVEN = [
  ...['--ram', '64M', '--swap', '32M', '--numproc', '80', '--hostname', 'first.example'],
  ...['--cpuunits', '2000', '--cpulimit', '50%', '--cpumask', '0', '--nodemask', '0'],
  ...['--ioprio', '7', '--iolimit', '4', '--iopslimit', '900'],
  ...['--numpty', '3', '--numfile', '77', '--numsiginfo', '55', '--lockedpages', '16', '--shmpages', '256'],
  ...['--vmguarpages', '1000', '--netfilter', 'disabled'],
];

describe('parameters that a container is started with', () => {
  beforeAll(async () => {
    await sandbox.create(101, ...GIVEN);
    await sandbox.good('start', '101');
  });

  afterAll(() => sandbox.good('stop', '101', '--fast'));

  it('limit memory, swap and processes', async () => {
    const [ram, swap] = [64 << 20, 32 << 20];
    expect(await group('memory.max', 'memory.limit_in_bytes')).toBe(String(ram));
    const both = await group('memory.memsw.limit_in_bytes');
    if (both === undefined) expect(await group('memory.swap.max')).toBe(String(swap));
    else expect(both).toBe(String(ram + swap));
    expect(await group('pids.max')).toBe('80');
  });

  it('keep memory for it', async () => {
    expect(await group('memory.low', 'memory.soft_limit_in_bytes')).toBe(String(1000 * 4096));
  });

  it('share and limit CPU time', async () => {
    expect(['2048', '200']).toContain(await group('cpu.shares', 'cpu.weight'));
    expect(['50000', '50000 100000']).toContain(await group('cpu.cfs_quota_us', 'cpu.max'));
    // One that is always busy gets half a CPU, and is throttled for the rest.
    const busy = 'end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do :; done';
    await inside(busy);
    expect(Number(/nr_throttled (\d+)/.exec((await group('cpu.stat')) ?? '')?.[1])).toBeGreaterThan(5);
  });

  it('say on which CPUs and with whose memory it runs', async () => {
    expect(await inside("grep -h 'allowed_list' /proc/1/status /proc/self/status")).toBe(
      'Cpus_allowed_list:\t0\nMems_allowed_list:\t0\nCpus_allowed_list:\t0\nMems_allowed_list:\t0',
    );
    expect(await inside('nproc')).toBe('1');
  });

  it('share the disk', async () => {
    const weight = await group('io.bfq.weight', 'blkio.bfq.weight', 'io.weight', 'blkio.weight');
    expect(weight).toMatch(/^(default )?800$/);
  });

  it('limit how fast the disk is read and written', async () => {
    const disk = diskOf(`${sandbox.rootDir}/var/lib/vz/private/101`);
    const rate = String(4 << 20);
    const max = await group('io.max');
    if (max !== undefined) expect(max).toBe(`${disk} rbps=${rate} wbps=${rate} riops=900 wiops=900`);
    for (const way of ['read', 'write']) {
      if (max !== undefined) break;
      expect(await group(`blkio.throttle.${way}_bps_device`)).toBe(`${disk} ${rate}`);
      expect(await group(`blkio.throttle.${way}_iops_device`)).toBe(`${disk} 900`);
    }
    const began = performance.now();
    await inside('dd if=/dev/zero of=/root/written bs=1M count=8 oflag=direct 2>/dev/null');
    expect(performance.now() - began).toBeGreaterThan(1500);
  });

  it('count pseudo-terminals', async () => {
    expect(await inside('grep -o max=3 /proc/mounts')).toBe('max=3');
    const open = 'exec 5<>/dev/ptmx 6<>/dev/ptmx 7<>/dev/ptmx; : 8<>/dev/ptmx';
    expect((await sandbox.vzctl(['exec2', '101', open])).code).toBeGreaterThan(0);
    expect(await sandbox.vzctl(['exec2', '101', open.replace(/;.*/, '')])).toMatchObject({ code: 0 });
  });

  it('limit what each process may have, init and what enters alike', async () => {
    const limits = 'grep -hE "open files|pending signals|locked memory"';
    const own = await inside(`${limits} /proc/self/limits | tr -s " "`);
    expect(own.split('\n').map((line) => line.trim())).toEqual([
      'Max open files 77 77 files',
      'Max locked memory 65536 65536 bytes',
      'Max pending signals 55 55 signals',
    ]);
    expect(await inside(`${limits} /proc/1/limits | tr -s " "`)).toBe(own);
  });

  it('leave its network to the host', async () => {
    const bounding = await inside('sed -n "s/CapBnd:.//p" /proc/self/status');
    expect((BigInt(`0x${bounding}`) >> 12n) & 1n).toBe(0n);
    expect(await inside("sed -n 's/CapBnd:.//p' /proc/1/status")).toBe(bounding);
    const change = (level: string) => sandbox.vzctl(['set', '101', '--netfilter', level, '--save']);
    expect(await change('stateless')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('from its next start on: --netfilter'),
    });
    expect(await change('full')).toMatchObject({ code: 0, stderr: '' });
  });

  it('limit shared memory', async () => {
    expect(await inside('cat /proc/sys/kernel/shmmax /proc/sys/kernel/shmall')).toBe('1048576\n256');
    expect(
      await inside('dd if=/dev/zero of=/dev/shm/x bs=64k count=32 2>/dev/null; wc -c < /dev/shm/x'),
    ).toBe('1048576');
    await inside('rm /dev/shm/x');
  });

  it('change while it runs, and are saved', async () => {
    await set('--ram', '128M', '--swap', '128M', '--numproc', '90', '--hostname', 'second.example');
    await set('--cpuunits', '500', '--cpulimit', '0', '--cpus', '1', '--cpumask', 'all', '--ioprio', '4');
    await set('--iolimit', '0', '--iopslimit', '0', '--vmguarpages', '2000');
    expect(await group('memory.max', 'memory.limit_in_bytes')).toBe(String(128 << 20));
    expect(await group('memory.low', 'memory.soft_limit_in_bytes')).toBe(String(2000 * 4096));
    expect(await group('pids.max')).toBe('90');
    expect(['512', '50']).toContain(await group('cpu.shares', 'cpu.weight'));
    expect(['100000', '100000 100000']).toContain(await group('cpu.cfs_quota_us', 'cpu.max'));
    expect(await group('io.max', 'blkio.throttle.read_bps_device')).toBe('');
    expect(await inside('nproc')).toBe('1');
    await set('--cpus', '0');
    const online = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
    expect(await inside("sed -n 's/Cpus_allowed_list:.//p' /proc/1/status")).toBe(online);
    expect(await inside('hostname')).toBe('second.example');
    expect(configOf(101)).toMatch(/PHYSPAGES="0:32768"[\s\S]*IOLIMIT="0"/);
    // And smaller again: memory must not be above memory and swap at any moment.
    await set('--ram', '48M', '--swap', '0');
    expect(await group('memory.max', 'memory.limit_in_bytes')).toBe(String(48 << 20));
  });

  it('are taken back as a whole where the host does not take one', { tags: ['slow'] }, async () => {
    const before = configOf(101);
    const result = await sandbox.vzctl(['set', '101', '--cpuunits', '3000', '--cpumask', '4000', '--save']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('--cpumask: this host does not take "4000"');
    expect(['512', '50']).toContain(await group('cpu.shares', 'cpu.weight'));
    expect(configOf(101)).toBe(before);
  });

  it('are saved by --force even then, with a warning', { tags: ['slow'] }, async () => {
    const result = await sandbox.vzctl(['set', '101', '--cpumask', '4000', '--save', '--force']);
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining('saved all the same') });
    expect(configOf(101)).toContain('CPUMASK="4000"');
    await set('--cpumask', 'all');
  });

  it('wait for the next start where they have to, which --setmode makes or keeps quiet', {
    tags: ['slow'],
  }, async () => {
    const told = await sandbox.vzctl(['set', '101', '--numpty', '7', '--save']);
    expect(told).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('from its next start on: --numpty'),
    });
    expect(await inside('grep -o "max=[0-9]*" /proc/mounts')).toBe('max=3');
    await set('--numpty', '8', '--setmode', 'ignore');
    expect(await inside('grep -o "max=[0-9]*" /proc/mounts')).toBe('max=3');
    const lost = await sandbox.vzctl(['set', '101', '--numpty', '9', '--setmode', 'restart']);
    expect(lost).toMatchObject({ code: 20, stderr: expect.stringContaining('it needs --save') });
    await set('--numpty', '9', '--setmode', 'restart');
    expect(await inside('grep -o "max=[0-9]*" /proc/mounts')).toBe('max=9');
  });

  it('are given once more by --reset_ub, which goes alone', { tags: ['slow'] }, async () => {
    await sandbox.vzctl(['set', '101', '--numproc', '33', '--cpuunits', '5000']);
    expect(await group('pids.max')).toBe('33');
    await sandbox.good('set', '101', '--reset_ub');
    expect(await group('pids.max')).toBe('90');
    expect(['512', '50']).toContain(await group('cpu.shares', 'cpu.weight'));
    expect(await sandbox.vzctl(['set', '101', '--reset_ub', '--save'])).toMatchObject({ code: 20 });
  });

  it('come from a sample, without what is the container’s own', { tags: ['slow'] }, async () => {
    await sandbox.good('set', '101', '--applyconfig', 'vswap-512m', '--swap', '8M', '--save');
    expect(await group('memory.max', 'memory.limit_in_bytes')).toBe(String(512 << 20));
    const config = configOf(101);
    expect(config).toMatch(/HOSTNAME="second.example"/);
    expect(config).toMatch(/OSTEMPLATE="busybox"/);
    expect(config).toMatch(/SWAPPAGES="2048:2048"|SWAPPAGES="0:2048"/);
    const missing = await sandbox.vzctl(['set', '101', '--applyconfig', 'nothing', '--save']);
    expect(missing).toMatchObject({ code: 109, stderr: expect.stringContaining("sample 'nothing'") });
    expect(configOf(101)).toBe(config);
  });

  it('that nothing here can honour are kept, and named once', async () => {
    const result = await sandbox.vzctl([
      'set',
      '101',
      '--privvmpages',
      '1G',
      '--kmemsize',
      '8M:9M',
      '--save',
    ]);
    expect(result.code).toBe(0);
    expect(result.stderr).toBe('Warning: no effect on this system, only kept: --privvmpages --kmemsize\n');
    expect(configOf(101)).toMatch(/PRIVVMPAGES="262144:262144"\nKMEMSIZE="8388608:9437184"\n/);
  });

  it('that are lists grow and shrink', async () => {
    const addresses = () => /IP_ADDRESS="(.*)"/.exec(configOf(101))?.[1];
    const change = (...args: readonly string[]) => sandbox.vzctl(['set', '101', ...args, '--save']);
    expect(await change('--ipadd', '10.0.0.1', '--ipadd', 'FD00::0001/64')).toMatchObject({ code: 0 });
    expect(addresses()).toBe('10.0.0.1 fd00::1/64');
    await change('--ipdel', '10.0.0.1', '--ipadd', '10.0.0.2/255.255.255.0');
    expect(addresses()).toBe('fd00::1/64 10.0.0.2/24');
    await change('--ipdel', 'all');
    expect(addresses()).toBeUndefined();
  });
});

describe('a host that lacks something', () => {
  it('refuses an option, says of the configuration so once, and starts the container', async ({ skip }) => {
    skip((await lack('cgroup-v2')) === undefined, 'version 2 has all of them');
    const change = ['set', '101', '--numproc', '70', '--oomguarpages', '10', '--save'];
    const before = configOf(101);
    expect(await sandbox.vzctl(change)).toMatchObject({
      code: 1,
      stderr:
        'no effect on this host: --oomguarpages (control groups of version 1 have nothing of the kind)\n',
    });
    expect(configOf(101)).toBe(before);
    expect(await sandbox.vzctl([...change, '--force'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('saved all the same'),
    });
    const { code, stderr } = await sandbox.vzctl(['start', '101']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'Warning: no effect on this host: --oomguarpages\n',
    });
  });

  it('keeps memory for good where it can', async ({ skip }) => {
    skip((await lack('cgroup-v2')) !== undefined, 'version 1 has nothing of the kind');
    await sandbox.good('set', '101', '--oomguarpages', '10', '--save');
    await sandbox.good('start', '101');
    expect(await group('memory.min')).toBe('40960');
  });
});
