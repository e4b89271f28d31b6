/** vzlist beside real containers: what it says is what the kernel, the disk and the config say. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { lack } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101, 102, 103] });

type Row = Readonly<Record<string, unknown>>;

async function list(...args: readonly string[]): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await sandbox.run('vzlist', ['-j', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as readonly Row[];
}

/** The cells of one line. */
async function cells(ctid: number, fields: string): Promise<readonly string[]> {
  const { stdout } = await sandbox.run('vzlist', ['-H', '-t', '-o', fields, String(ctid)]);
  return stdout.trim().split(/ +/);
}

beforeAll(async () => {
  await sandbox.create(
    101,
    '--layout',
    'overlay:image',
    '--diskspace',
    '200M',
    '--ram',
    '64M',
    '--numproc',
    '50',
  );
  await sandbox.create(
    102,
    '--layout',
    'overlay:directory',
    '--name',
    'db',
    '--hostname',
    'db.example',
    '--onboot',
    'yes',
  );
  await sandbox.create(103);
  await sandbox.good('start', '101');
});

describe('vzlist', () => {
  it('shows what runs, and the others when asked', async () => {
    expect((await list('-o', 'ctid')).map(({ ctid }) => ctid)).toEqual([101]);
    expect((await list('-a', '-o', 'ctid')).map(({ ctid }) => ctid)).toEqual([101, 102, 103]);
    expect((await list('-S', '-s', '-ctid', '-o', 'ctid')).map(({ ctid }) => ctid)).toEqual([103, 102]);
    expect((await list('-a', '-N', 'd?', '-o', 'veid')).map(({ ctid }) => ctid)).toEqual([102]);
    expect(await cells(102, 'status,smart_name,hostname,onboot')).toEqual([
      'stopped',
      'db',
      'db.example',
      'yes',
    ]);
    expect(await list('999', '-o', 'ctid')).toEqual([]);
  });

  it('tells what the config says', async () => {
    const file = `${sandbox.rootDir}/etc/vz/conf/103.conf`;
    const before = readFileSync(file, 'utf8');
    const more = [
      'PRIVVMPAGES="1000:unlimited"',
      'KMEMSIZE="5M"',
      'CPULIMIT="50"',
      'IOLIMIT="1048576"',
      'VM_OVERCOMMIT="1.5"',
      'FEATURES="nfs:on tun:off"',
      'CAPABILITY="SYS_TIME:on"',
      'NAMESERVER="192.0.2.1 192.0.2.2"',
      'IP_ADDRESS="192.0.2.7 2001:db8::7"',
      'NETIF="ifname=eth0,mac=00:18:51:00:00:01,host_ifname=veth103.0;ifname=eth1,gw=192.0.2.9"',
      'BOOTORDER="7"',
      'UUID="11111111-2222-4333-8444-555555555555"',
    ];
    writeFileSync(file, `${before}\n${more.join('\n')}\n`);
    const [row] = await list('103');
    expect(row).toMatchObject({
      kmemsize: { held: 0, maxheld: 0, barrier: 5_242_880, limit: 5_242_880, failcnt: 0 },
      cpulimit: 50,
      iolimit: 1_048_576,
      vm_overcommit: 1.5,
      features: { nfs: true, tun: false },
      capability: { sys_time: true },
      nameserver: ['192.0.2.1', '192.0.2.2'],
      ip: ['192.0.2.7', '2001:db8::7'],
      ifname: ['eth0', 'eth1'],
      host_ifname: ['veth103.0'],
      gw: ['192.0.2.9'],
      bootorder: 7,
      uuid: '11111111-2222-4333-8444-555555555555',
      uptime: null,
      laverage: null,
      onboot: null,
    });
    expect(await cells(103, 'privvmpages.b,privvmpages.l')).toEqual(['1000', '9223372036854775807']);
    expect(await list('-a', '-i', 'veth103.0', '-o', 'ctid')).toEqual([{ ctid: 103 }]);
    writeFileSync(file, before);
  });

  it('tells what the kernel counts', async () => {
    const script =
      'for i in 1 2 3; do (while :; do :; done) & done; dd if=/dev/zero of=/dev/shm/x bs=1M count=8; sleep 1000';
    const running = sandbox.spawn('vzctl', ['exec', '101', script]);
    const counted = (name: string) =>
      expect.poll(async () => Number((await cells(101, name))[0]), { timeout: 60_000 });
    await counted('numproc').toBeGreaterThanOrEqual(5);
    await counted('physpages').toBeGreaterThan(2048);
    await sleep(1000);
    const [row] = await list();
    const inside = (await sandbox.vzctl(['exec', '101', 'cut -d " " -f 1 /proc/uptime'])).stdout;
    await sandbox.vzctl(['exec', '101', 'rm /dev/shm/x; kill -9 -1']);
    await running.ended;
    const [load] = (row?.laverage ?? []) as readonly number[];
    expect(load).toBeGreaterThanOrEqual(3);
    expect(load).toBeLessThan(9);
    expect(row?.cputime).toBeGreaterThan(0.3);
    expect(row?.uptime).toBeGreaterThan(1);
    expect(row?.uptime).toBeLessThan(Number(inside) + 5);
    expect(row).toMatchObject({ vswap: true, numproc: { limit: 50 }, physpages: { limit: 16_384 } });
    const { physpages, shmpages } = row as Readonly<Record<string, { held: number; maxheld: number }>>;
    expect(physpages?.held).toBeGreaterThan(2048);
    expect(physpages?.maxheld).toBeGreaterThanOrEqual(physpages?.held ?? 0);
    if ((await lack('cgroup-v1')) === undefined || (await lack('cgroup-v2')) === undefined)
      expect(shmpages?.held).toBeGreaterThanOrEqual(2048);
  });

  it('counts processes that were refused', { tags: ['slow'] }, async () => {
    await sandbox.vzctl(['exec', '101', 'for i in $(seq 100); do sleep 2 & done 2>/dev/null; wait']);
    const [row] = await list('-o', 'numproc', '101');
    expect(row?.numproc).toMatchObject({ held: expect.any(Number), barrier: 50 });
    expect(Number((await cells(101, 'numproc.f'))[0])).toBeGreaterThan(0);
    expect(await cells(101, 'numproc.m,numproc.l')).toEqual(['50', '50']);
    await expect
      .poll(async () => Number((await cells(101, 'numproc'))[0]), { timeout: 60_000 })
      .toBeLessThan(5);
  });

  it('tells the use of a disk, and the same when it is stopped', { tags: ['slow'] }, async () => {
    const usage = async () =>
      (await list('-o', 'diskspace,diskinodes', '101'))[0] as Record<string, { usage: number }>;
    const before = await usage();
    await sandbox.good('exec', '101', 'dd if=/dev/zero of=/root/big bs=1M count=20 2>/dev/null; sync');
    const running = await usage();
    expect((running.diskspace?.usage ?? 0) - (before.diskspace?.usage ?? 0)).toBeGreaterThanOrEqual(20_480);
    expect(running.diskspace).toMatchObject({ softlimit: 204_800, hardlimit: 204_800 });
    const df = (await sandbox.vzctl(['exec', '101', 'df -k / | tail -n 1'])).stdout.trim().split(/ +/);
    expect(running.diskspace?.usage).toBe(Number(df[2]));
    await sandbox.good('stop', '101');
    const stopped = await usage();
    expect(Math.abs((stopped.diskspace?.usage ?? 0) - (running.diskspace?.usage ?? 0))).toBeLessThan(100);
    expect(Math.abs((stopped.diskinodes?.usage ?? 0) - (running.diskinodes?.usage ?? 0))).toBeLessThan(5);
    await sandbox.good('mount', '101');
    expect(await cells(101, 'status')).toEqual(['mounted']);
    await sandbox.good('umount', '101');
    // Nothing counts what is in a directory.
    expect((await list('-o', 'diskspace', '102'))[0]).toMatchObject({ diskspace: { usage: null } });
    await sandbox.good('start', '101');
  });
});

describe('with project quotas', () => {
  const other = useSandbox({ on: 'ext4 with project quotas', needs: ['project-quota'], clear: [101] });

  it('tells what the quota counts, of a stopped one too', async () => {
    await other.create(
      101,
      '--layout',
      'overlay:quota',
      '--diskspace',
      '50M:60M',
      '--diskinodes',
      '1000:2000',
    );
    await other.good('start', '101');
    await other.good('exec', '101', 'dd if=/dev/zero of=/root/big bs=1M count=5 2>/dev/null; sync');
    await other.good('stop', '101');
    const { stdout } = await other.run('vzlist', ['-j', '-o', 'diskspace,diskinodes', '101']);
    const [row] = JSON.parse(stdout) as readonly Readonly<Record<string, { usage: number }>>[];
    expect(row).toMatchObject({
      diskspace: { softlimit: 51_200, hardlimit: 61_440 },
      diskinodes: { softlimit: 1000, hardlimit: 2000 },
    });
    expect(row?.diskspace?.usage).toBeGreaterThanOrEqual(5120);
    expect(row?.diskspace?.usage).toBeLessThan(6000);
    expect(row?.diskinodes?.usage).toBeGreaterThan(3);
  });
});
