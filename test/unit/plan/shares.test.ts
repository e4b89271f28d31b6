/** Shares of the host as values of control groups. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CgroupPlan } from '../../../src/plan/cgroup.js';
import { limitMounts, limitProcesses } from '../../../src/plan/counts.js';
import { planShares, type Shared, type ShareFacts } from '../../../src/plan/shares.js';

const FACTS: ShareFacts = {
  disk: '8:0',
  cpus: '0-7',
  nodes: '0-1',
  cpusOfNodes: '0-3',
  hugepageSizes: [2n << 20n],
  ctid: 101,
};
const ALL: Shared = {
  cpu: { units: 2000, limit: 150, count: undefined, mask: 'auto', nodes: '0' },
  io: { priority: 6, bytesPerSecond: 1_048_576n, operationsPerSecond: 50 },
  guarantee: { low: 4096n, min: 8192n },
  oomGroup: true,
  hugepages: [
    { size: 64n << 10n, limit: 128n << 10n },
    { size: 1n << 30n, limit: 0n },
  ],
};
const NONE: Shared = {
  cpu: { units: undefined, limit: undefined, count: undefined, mask: 'all', nodes: 'all' },
  io: { priority: undefined, bytesPerSecond: undefined, operationsPerSecond: undefined },
  guarantee: { low: undefined, min: undefined },
  oomGroup: false,
  hugepages: [],
};

const controls = (version: 1 | 2): CgroupPlan['controls'] =>
  Object.fromEntries(
    ['cpu', 'cpuset', 'memory', 'io', 'hugetlb'].map((name) => [name, { version, path: '/g' }]),
  );

const written = (version: 1 | 2, shared: Shared, facts = FACTS): readonly string[] =>
  planShares({ controls: controls(version) }, shared, facts).flatMap(({ files }) =>
    files.map(({ path, value }) => `${path.slice(3)}=${value}`),
  );

describe('planShares', () => {
  it('speaks the language of v1', () => {
    expect(written(1, ALL)).toEqual([
      'cpu.shares=2048',
      'cpu.cfs_quota_us=150000',
      'cpuset.cpus=0-3',
      'cpuset.mems=0',
      'memory.soft_limit_in_bytes=4096',
      'hugetlb.2MB.limit_in_bytes=-1',
      'hugetlb.2MB.rsvd.limit_in_bytes=-1',
      'hugetlb.64KB.limit_in_bytes=131072',
      'hugetlb.64KB.rsvd.limit_in_bytes=131072',
      'hugetlb.1GB.limit_in_bytes=0',
      'hugetlb.1GB.rsvd.limit_in_bytes=0',
      'blkio.bfq.weight=400',
      'blkio.weight=400',
      'blkio.throttle.read_bps_device=8:0 1048576',
      'blkio.throttle.write_bps_device=8:0 1048576',
      'blkio.throttle.read_iops_device=8:0 50',
      'blkio.throttle.write_iops_device=8:0 50',
    ]);
  });

  it('speaks the language of v2', () => {
    expect(written(2, ALL)).toEqual([
      'cpu.weight=200',
      'cpu.max=150000 100000',
      'cpuset.cpus=0-3',
      'cpuset.mems=0',
      'memory.low=4096',
      'memory.min=8192',
      'memory.oom.group=1',
      'hugetlb.2MB.max=max',
      'hugetlb.2MB.rsvd.max=max',
      'hugetlb.64KB.max=131072',
      'hugetlb.64KB.rsvd.max=131072',
      'hugetlb.1GB.max=0',
      'hugetlb.1GB.rsvd.max=0',
      'io.bfq.weight=400',
      'io.weight=400',
      'io.max=8:0 rbps=1048576 wbps=1048576',
      'io.max=8:0 riops=50 wiops=50',
    ]);
  });

  it('takes everything back to what a new group has', () => {
    expect(written(1, NONE)).toContain('cpuset.cpus=0-7');
    expect(written(1, NONE)).toContain('blkio.throttle.read_bps_device=8:0 0');
    expect(written(2, NONE)).toEqual(
      expect.arrayContaining([
        'cpuset.cpus=0-7',
        'cpu.max=max 100000',
        'io.max=8:0 rbps=max wbps=max',
        'memory.min=0',
      ]),
    );
    for (const version of [1, 2] as const)
      expect(planShares({ controls: controls(version) }, NONE, FACTS).every((share) => share.isDefault)).toBe(
        true,
      );
  });

  it.each([
    [2, 'all', 101, '2,3'],
    [2, 'all', 103, '6,7'],
    [3, 'all', 102, '2,3,4'],
    [3, 'all', 103, '5,6,7'],
    [3, 'auto', 101, '0,1,3'],
    [8, 'all', 101, '0-7'],
    [99, 'auto', 101, '0-3'],
    [2, '5,6', 101, '5,6'],
  ] as const)('gives %d CPUs of %s to container %d', (count, mask, ctid, expected) => {
    const shared = { ...NONE, cpu: { ...NONE.cpu, count, mask } };
    for (const version of [1, 2] as const)
      expect(written(version, shared, { ...FACTS, ctid })).toContain(`cpuset.cpus=${expected}`);
  });

  it('has no file for what the host lacks', () => {
    expect(planShares({ controls: {} }, ALL, FACTS).every(({ files }) => files.length === 0)).toBe(true);
    const withoutDisk = planShares({ controls: controls(2) }, ALL, { ...FACTS, disk: undefined });
    expect(withoutDisk.filter(({ key }) => key === 'IOLIMIT')).toEqual([
      expect.objectContaining({ files: [] }),
    ]);
  });

  it('stays within what the kernel takes, for all units and priorities', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 500_000 }), fc.integer({ min: 0, max: 7 }), (units, priority) => {
        const shared = { ...NONE, cpu: { ...NONE.cpu, units }, io: { ...NONE.io, priority } };
        const value = (version: 1 | 2, name: string): number =>
          Number(
            written(version, shared)
              .find((line) => line.startsWith(`${name}=`))
              ?.split('=')[1],
          );
        expect(value(1, 'cpu.shares')).toBeGreaterThanOrEqual(2);
        expect(value(2, 'cpu.weight')).toBeGreaterThanOrEqual(1);
        expect(value(2, 'cpu.weight')).toBeLessThanOrEqual(10_000);
        expect(value(2, 'io.weight')).toBeGreaterThanOrEqual(1);
        expect(value(2, 'io.bfq.weight')).toBeLessThanOrEqual(1000);
      }),
    );
  });
});

describe('counts', () => {
  const UNLIMITED = 9223372036854775807n;
  const counts = {
    ptys: undefined,
    openFiles: undefined,
    lockedMemory: undefined,
    pendingSignals: undefined,
    sharedMemory: undefined,
  };
  const mount = (path: string) => ({ op: 'mount', path, type: 't', flags: [], options: { a: 'b' } }) as const;
  const mounts = [mount('/proc'), mount('/dev/pts'), mount('/dev/shm')];
  const limited = (more: Partial<typeof counts | Record<'ptys' | 'sharedMemory', bigint>>) =>
    limitMounts(mounts, { ram: undefined, counts: { ...counts, ...more } });
  const usual = [{ op: 'rlimit', resource: 'nofile', soft: 1024, hard: 524_288 }, { op: 'keyring' }] as const;

  it('change nothing where nobody said, or said unlimited of memory', () => {
    expect(limited({})).toEqual(mounts);
    expect(limited({ sharedMemory: UNLIMITED })).toEqual(mounts);
    expect(limitProcesses(usual, counts)).toEqual(usual);
  });

  it('are options of mounts, and sysctls while /proc can be written to', () => {
    expect(limited({ ptys: 3n, sharedMemory: 8192n })).toEqual([
      mount('/proc'),
      { op: 'sysctl', path: '/proc/sys/kernel/shmmax', value: '8192' },
      { op: 'sysctl', path: '/proc/sys/kernel/shmall', value: '2' },
      { ...mount('/dev/pts'), options: { a: 'b', max: '3' } },
      { ...mount('/dev/shm'), options: { a: 'b', size: '8192' } },
    ]);
    expect(limited({ ptys: UNLIMITED })).toContainEqual(
      expect.objectContaining({ options: { a: 'b', max: '1048576' } }),
    );
  });

  it('leave /run room by the memory that there is', () => {
    const size = (ram: bigint | undefined) => limitMounts([mount('/run')], { ram, counts });
    expect(size(undefined)).toEqual([mount('/run')]);
    expect(size(1000n << 20n)).toEqual([{ ...mount('/run'), options: { a: 'b', size: String(200 << 20) } }]);
    expect(size(32n << 20n)).toEqual([{ ...mount('/run'), options: { a: 'b', size: String(16 << 20) } }]);
  });

  it('are limits of processes in place of the usual ones', () => {
    expect(limitProcesses(usual, { ...counts, openFiles: 5n, lockedMemory: UNLIMITED })).toEqual([
      { op: 'rlimit', resource: 'nofile', soft: 5, hard: 5 },
      { op: 'rlimit', resource: 'memlock', soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY },
      { op: 'keyring' },
    ]);
    expect(limitProcesses(usual, { ...counts, openFiles: 5000n })[0]).toMatchObject({
      soft: 1024,
      hard: 5000,
    });
  });
});
