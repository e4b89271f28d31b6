/** What a host cannot honour of a configuration, by what of control groups it has. */
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { parseConfig } from '../../../src/config/grammar.js';
import type { CgroupPlan } from '../../../src/plan/cgroup.js';
import { type LackFacts, lacksOf } from '../../../src/plan/lacks.js';

const FACTS: LackFacts = { swapV1: true, hugepageSizes: [2n << 20n], disk: '8:0', whyNoKsm: undefined };
const ALL = ['memory', 'pids', 'cpu', 'cpuset', 'io', 'hugetlb'];
const EVERYTHING = `
PHYSPAGES="0:65536"
SWAPPAGES="0:1024"
VMGUARPAGES="10"
OOMGUARPAGES="10"
OOM_GROUP="yes"
KSM="yes"
NUMPROC="80"
CPUUNITS="2000"
CPULIMIT="50"
CPUS="2"
CPUMASK="0"
NODEMASK="0"
IOPRIO="7"
IOLIMIT="1048576"
IOPSLIMIT="100"
HUGEPAGES="2M:64M"
`;

const configOf = (text: string) =>
  readContainerConfig(parseCtid('101'), parseConfig(''), parseConfig(text), { host: 'h', container: 'c' });
const controls = (version: 1 | 2, names: readonly string[] = ALL): CgroupPlan['controls'] =>
  Object.fromEntries(names.map((name) => [name, { version, path: '/g' }]));
const lacks = (at: CgroupPlan['controls'], text = EVERYTHING, facts: Partial<LackFacts> = {}) =>
  lacksOf({ controls: at }, configOf(text), { ...FACTS, ...facts });
const keys = (found: ReturnType<typeof lacks>) => found.map(({ key }) => key);

describe('lacksOf', () => {
  it('finds nothing where there is everything', () => {
    expect(lacks(controls(2))).toEqual([]);
    expect(keys(lacks(controls(1)))).toEqual(['OOMGUARPAGES', 'OOM_GROUP']);
  });

  it.each([
    ['memory', ['PHYSPAGES'], ['SWAPPAGES', 'VMGUARPAGES', 'MEMGUARANTEE', 'OOMGUARPAGES', 'OOM_GROUP']],
    ['pids', ['NUMPROC'], []],
    ['cpu', ['CPULIMIT', 'CPUS'], ['CPUUNITS']],
    ['cpuset', [], ['CPUMASK', 'NODEMASK']],
    ['io', ['IOLIMIT', 'IOPSLIMIT'], ['IOPRIO']],
    ['hugetlb', ['HUGEPAGES'], []],
  ] as const)(
    'without the controller %s: %j are limits that do not hold, %j no limits',
    (name, limits, others) => {
      const at = controls(
        2,
        ALL.filter((each) => each !== name),
      );
      const found = lacks(at);
      expect(keys(found.filter(({ isLimit }) => isLimit))).toEqual(limits);
      expect(keys(found.filter(({ isLimit }) => !isLimit)).toSorted()).toEqual(others.toSorted());
      for (const { reason } of found)
        expect(reason).toBe(`this host has no control groups with the controller ${name}`);
    },
  );

  it('says nothing of what is not asked for', () => {
    const nothing =
      'PHYSPAGES="0:unlimited"\nNUMPROC="unlimited"\nOOM_GROUP="no"\nOOMGUARPAGES="0"\nCPULIMIT="0"\n';
    expect(lacks({}, nothing)).toEqual([]);
  });

  it('knows what else it takes: accounting of swap, a disk, pages of the size', () => {
    expect(lacks(controls(1), 'SWAPPAGES="0:0"\n', { swapV1: false })).toMatchObject([
      { key: 'SWAPPAGES', isLimit: false, reason: expect.stringContaining('swapaccount=1') },
    ]);
    expect(lacks(controls(2), 'IOLIMIT="1"\nIOPRIO="5"\n', { disk: undefined })).toMatchObject([
      { key: 'IOLIMIT', isLimit: true, failure: 'IO_FAILED' },
    ]);
    expect(lacks({}, 'KSM="yes"\n', { whyNoKsm: 'it cannot' })).toMatchObject([
      { key: 'KSM', isLimit: false, reason: 'it cannot' },
    ]);
    // Nobody can use pages that there are none of.
    expect(lacks(controls(2), 'HUGEPAGES="16M:64M"\n')).toMatchObject([
      { key: 'HUGEPAGES', isLimit: false, reason: 'this host has no huge pages of 16384 KiB' },
    ]);
  });
});
