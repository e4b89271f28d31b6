/** What vzcalc and its like, and cella plan, show. */
import { describe, expect, it } from 'vitest';
import { cpuTable, memoryTable, roomTable, shareTable } from '../../../src/cli/capacity/tables.js';
import { literal } from '../../../src/cli/table.js';
import type { HostRoom } from '../../../src/container/host.js';
import type { Capacity, ContainerResources } from '../../../src/plan/capacity/facts.js';

const GIB = 1n << 30n;
const CT: ContainerResources = {
  ctid: 101,
  name: null,
  template: 'mail',
  running: true,
  held: { memory: GIB, swap: null, tasks: 100 },
  promised: 0n,
  limits: { memory: 2n * GIB, swap: null, tasks: null },
  cpu: { units: 500, limit: 50 },
};
const CAPACITY: Capacity = {
  host: {
    memory: { total: 8n * GIB, available: 6n * GIB },
    swap: { total: 0n, free: 0n },
    committed: { held: 4n * GIB, limit: 6n * GIB },
    tasks: { held: 200, limit: 10_000 },
    cpu: { count: 2, bogomips: 8000.5 },
  },
  containers: [CT, { ...CT, ctid: 102, running: false }],
};

const trimmed = (text: string) => text.split('\n').map((line) => line.trim().replace(/ +/g, ' '));

describe('tables', () => {
  it('have shares of a container', () => {
    expect(trimmed(shareTable(CT, CAPACITY, true))).toEqual([
      'Resource Current(%) Promised(%) Max(%)',
      'Total RAM 12.50 0.00 25.00',
      'Mem + Swap 12.50 0.00 unlimited',
      'Num. Proc 1.00 n/a unlimited',
      expect.stringMatching(/^-+$/),
      'Memory 12.50 0.00 unlimited',
      '',
    ]);
    expect(trimmed(shareTable(CT, CAPACITY, false))).toHaveLength(3);
  });

  it('have memory of the host, in percent and in MiB', () => {
    expect(trimmed(memoryTable(CAPACITY, false, false))).toEqual([
      'Output values in %',
      'RAM RAM RAM MemSwap MemSwap MemSwap Alloc Alloc',
      'CTID util commit limit util commit limit util limit',
      'Summary: 25.00 0.00 25.00 25.00 0.00 unlimited 50.00 75.00',
      '',
    ]);
    expect(trimmed(memoryTable(CAPACITY, true, true)).slice(3)).toEqual([
      '0 1024.00 0.00 unlimited 1024.00 0.00 unlimited n/a n/a',
      '101 1024.00 0.00 2048.00 1024.00 0.00 unlimited n/a n/a',
      expect.stringMatching(/^-+$/),
      'Summary: 2048.00 0.00 2048.00 2048.00 0.00 unlimited 4096.00 6144.00',
      'Total: 8192.00 8192.00 8192.00 8192.00 8192.00 8192.00 8192.00 8192.00',
      '',
    ]);
  });

  it('have weights of what runs', () => {
    expect(trimmed(cpuTable(CAPACITY, true))).toEqual([
      'CTID CPUUNITS CPULIMIT',
      '101 500 50%',
      expect.stringMatching(/^-+$/),
      'Current CPU utilization: 500',
      'Power of the node: 200013',
      '',
    ]);
  });
});

describe('a plan', () => {
  const room: HostRoom = {
    basis: 'measured',
    ctids: [101, 102],
    resources: [
      {
        resource: 'memory',
        unit: 'bytes',
        each: 1024 ** 3,
        free: 4 * 1024 ** 3,
        total: 8 * 1024 ** 3,
        kept: 0,
        more: 4,
      },
      { resource: 'processors', unit: 'processors', each: 0, free: 1.5, total: 2, kept: 0.2, more: null },
    ],
    more: 4,
    first: 'memory',
  };
  const ask = (wanted?: number, change: Partial<HostRoom> = {}) =>
    trimmed(roomTable({ ...room, ...change }, { wanted, template: 'mail', by: 'average' }));

  it('says how many more fit, and what runs out', () => {
    expect(ask()).toEqual([
      'RESOURCE EACH FREE KEPT TOTAL MORE',
      'memory 1.0G 4.0G 0B 8.0G 4',
      'processors 0.00 1.50 0.20 2.00 -',
      "EACH is what the 2 containers of template 'mail' that run use on average.",
      '4 more fit, then the host is out of memory.',
      '',
    ]);
    expect(ask(3).at(-2)).toBe('3 more fit: 4 do, then the host is out of memory.');
    expect(ask(5).at(-2)).toBe('5 more do not fit: 4 do, then the host is out of memory.');
  });

  it('says that nothing more fits', () => {
    expect(ask(undefined, { more: 0 }).at(-2)).toBe('No more fit: the host is out of memory.');
    expect(ask(2, { more: 0 }).at(-2)).toBe('2 more do not fit: the host is out of memory.');
  });

  it('says where nothing was measured, or nothing runs out', () => {
    expect(ask(1, { basis: 'limits', ctids: [] }).at(-3)).toBe(
      "Nothing is measured, since no container of template 'mail' runs: EACH is what the sample allows.",
    );
    expect(ask(1, { more: null, first: null }).at(-2)).toMatch(/^Any number/);
  });
});

describe('JSON', () => {
  it('has numbers of 64 bits in lists as elsewhere', () => {
    expect(literal([{ limit: 9223372036854775807n, list: [1n, 'a'] }])).toBe(
      '[{"limit": 9223372036854775807, "list": [1, "a"]}]',
    );
  });
});
