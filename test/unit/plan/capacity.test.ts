/** Shares of a host, what more it has room for, whether it may be promised more, and equal parts of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/grammar.js';
import { validateConfig } from '../../../src/config/validate.js';
import { readLimits } from '../../../src/config/validate-limits.js';
import { type Claim, overcommitted } from '../../../src/plan/capacity/admission.js';
import type { Capacity, ContainerResources } from '../../../src/plan/capacity/facts.js';
import { promisedMemory } from '../../../src/plan/capacity/facts.js';
import { type Demand, needOf, roomOf, scarcest } from '../../../src/plan/capacity/room.js';
import { memoryRows, memoryShare, sharesOf } from '../../../src/plan/capacity/shares.js';
import { splitHost, splitText } from '../../../src/plan/capacity/split.js';

const GIB = 1n << 30n;

const HOST: Capacity['host'] = {
  memory: { total: 8n * GIB, available: 6n * GIB },
  swap: { total: 2n * GIB, free: 2n * GIB },
  committed: { held: 4n * GIB, limit: null },
  tasks: { held: 200, limit: 32_768 },
  cpu: { count: 2, bogomips: 8000 },
};

const container = (change: Partial<ContainerResources> = {}): ContainerResources => ({
  ctid: 101,
  name: null,
  template: 'mail',
  running: true,
  held: { memory: GIB, swap: 0n, tasks: 100 },
  promised: GIB / 2n,
  limits: { memory: 2n * GIB, swap: GIB, tasks: 400n },
  cpu: { units: 1000, limit: null },
  ...change,
});

describe('shares of a container', () => {
  it('are percent of what the host has', () => {
    const shares = sharesOf(container(), HOST);
    expect(shares).toEqual([
      { resource: 'Total RAM', current: 12.5, promised: 6.25, max: 25 },
      { resource: 'Mem + Swap', current: 10, promised: 5, max: 30 },
      { resource: 'Num. Proc', current: 0.3, promised: null, max: 1.22 },
    ]);
    expect(memoryShare(shares)).toEqual({ current: 12.5, promised: 6.25, max: 30 });
  });

  it('have no most where there is no limit', () => {
    const shares = sharesOf(container({ limits: { memory: GIB, swap: null, tasks: null } }), HOST);
    expect(shares.map(({ max }) => max)).toEqual([12.5, null, null]);
    expect(memoryShare(shares).max).toBeNull();
  });

  it('are promises that the limit and the host can keep', () => {
    expect(promisedMemory({ low: 3n, min: 5n }, 4n, 10n)).toBe(4n);
    expect(promisedMemory({ low: 30n, min: undefined }, undefined, 10n)).toBe(10n);
    expect(promisedMemory({ low: undefined, min: undefined }, 4n, 10n)).toBe(0n);
  });
});

describe('memory of a host', () => {
  it('is that of what runs, that of the rest, and all of it', () => {
    const stopped = container({ ctid: 103, running: false });
    const [rest, first, , all] = memoryRows({
      host: HOST,
      containers: [container(), container({ ctid: 102 }), stopped],
    });
    expect(rest).toMatchObject({ ctid: 0, ram: { used: 0n } });
    expect(first).toMatchObject({ ctid: 101, ram: { used: GIB, promised: GIB / 2n, limit: 2n * GIB } });
    expect(all).toMatchObject({
      ram: { used: 2n * GIB, promised: GIB, limit: 4n * GIB },
      both: { used: 2n * GIB, limit: 6n * GIB },
      committed: { held: 4n * GIB, limit: null },
    });
  });

  it('has no limit where one container has none', () => {
    const free = container({ limits: { memory: null, swap: null, tasks: null } });
    expect(memoryRows({ host: HOST, containers: [container(), free] }).at(-1)?.ram.limit).toBeNull();
  });
});

const demand = (change: Partial<Demand> = {}): Demand => ({
  resource: 'memory',
  unit: 'bytes',
  each: 100,
  free: 1000,
  total: 2000,
  varies: true,
  ...change,
});

describe('room for more', () => {
  it('is what is free beyond what is kept', () => {
    expect(roomOf(demand(), 10)).toMatchObject({ kept: 200, more: 8 });
    expect(roomOf(demand({ varies: false }), 10)).toMatchObject({ kept: 0, more: 10 });
    expect(roomOf(demand({ free: 100 }), 10).more).toBe(0);
    expect(roomOf(demand({ each: 0 }), 10).more).toBeNull();
  });

  it('is as much as the scarcest thing allows, which is used up by one more', () => {
    const demands = fc.array(
      fc.record({
        resource: fc.constantFrom('memory' as const, 'disk' as const, 'inodes' as const),
        unit: fc.constant('things' as const),
        each: fc.nat(1000),
        free: fc.nat(1_000_000),
        total: fc.nat(2_000_000),
        varies: fc.boolean(),
      }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(demands, fc.nat(99), (all, reserve) => {
        const rooms = all.map((each) => roomOf(each, reserve));
        const first = scarcest(rooms);
        if (!first) return all.every(({ each }) => each === 0);
        const fits = (count: number) =>
          rooms.every(({ each, free, kept }) => count * each <= Math.max(0, free - kept));
        return fits(first.more) && !fits(first.more + 1);
      }),
    );
  });

  it('goes by the average, or by the largest', () => {
    expect(needOf([1, 2, 6], 'average')).toBe(3);
    expect(needOf([1, 2, 6], 'largest')).toBe(6);
  });
});

describe('admission', () => {
  const claim = (limit: bigint | undefined, promised = 0n): Claim => ({ limit, promised });

  it('counts limits against memory', () => {
    const claims = [claim(60n), claim(50n)];
    expect(overcommitted({ overcommit: 110 }, 100n, claims)).toBeUndefined();
    expect(overcommitted({ overcommit: 'unlimited' }, 100n, claims)).toBeUndefined();
    expect(overcommitted({ overcommit: 109 }, 100n, claims)).toBe(
      'memory limits of running containers would be 110% of memory, and OVERCOMMIT_MEMORY is 109%',
    );
  });

  it('takes one without a limit for one that may have everything', () => {
    expect(overcommitted({ overcommit: 100 }, 100n, [claim(undefined)])).toBeUndefined();
    expect(overcommitted({ overcommit: 100 }, 100n, [claim(undefined), claim(1n)])).toMatch(/101%/);
  });

  it('lets nobody promise more than there is', () => {
    const claims = [claim(60n, 60n), claim(60n, 41n)];
    expect(overcommitted({ overcommit: 'unlimited' }, 100n, claims)).toMatch(/guaranteed .* 101% of memory/);
  });

  it('refuses no container that was let in beside a larger one', () => {
    const claims = fc.array(
      fc.record({ limit: fc.option(fc.bigInt(0n, 100n), { nil: undefined }), promised: fc.constant(0n) }),
    );
    fc.assert(
      fc.property(
        claims,
        fc.bigInt(0n, 100n),
        fc.integer({ min: 1, max: 500 }),
        (others, limit, overcommit) => {
          const with_ = (at: bigint) => overcommitted({ overcommit }, 100n, [...others, claim(at)]);
          fc.pre(with_(limit) === undefined);
          expect(with_(limit / 2n)).toBeUndefined();
        },
      ),
    );
  });
});

describe('an equal part of a host', () => {
  const host = { memory: 8n * GIB, swap: 2n * GIB, tasks: 32_768, disk: 100n * GIB, inodes: 1_000_000n };

  it('is all of it but a tenth, as often as it is there', () => {
    expect(
      splitText(splitHost(host, 4), 4),
    ).toBe(`# One of 4 equal parts of a host, a tenth of which is its own.
PHYSPAGES="0:471859"
SWAPPAGES="0:131072"
VMGUARPAGES="471859:unlimited"
NUMPROC="7373:7373"
DISKSPACE="23592960:23592960"
DISKINODES="225000:225000"
CPUUNITS="1000"
`);
  });

  it('goes into the host so often, and is valid', () => {
    const hosts = fc.record({
      memory: fc.bigInt(GIB, 1024n * GIB),
      swap: fc.bigInt(0n, 64n * GIB),
      tasks: fc.integer({ min: 4096, max: 4_194_304 }),
      disk: fc.bigInt(GIB, 10_000n * GIB),
      inodes: fc.option(fc.bigInt(100_000n, 1_000_000_000n)),
    });
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 40 }), (on, count) => {
        const text = splitText(splitHost(on, count), count);
        const { limit } = readLimits(parseConfig(text));
        const all = (key: string) => (limit(key) ?? 0n) * BigInt(count);
        expect(all('PHYSPAGES') * 4096n).toBeLessThan(on.memory);
        expect(all('SWAPPAGES') * 4096n).toBeLessThanOrEqual(on.swap);
        expect(all('NUMPROC')).toBeLessThan(BigInt(on.tasks));
        expect(all('DISKSPACE') * 1024n).toBeLessThan(on.disk);
        expect(validateConfig(text, 'part', { vswap: true })).toEqual([]);
      }),
    );
  });

  it('has to be enough to run anything', () => {
    expect(() => splitHost(host, 500)).toThrow('500 containers would have less than 16 MiB of memory each');
    expect(() => splitHost({ ...host, memory: GIB / 8n }, 1)).toThrow(/less than 16 MiB/);
  });
});
