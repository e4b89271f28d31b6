/** vztop: rates, order, keys, and what fits on a screen. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mode, typed } from '../../../src/cli/top/keys.js';
import { human, rowsOf, SORTS, sortRows, type TopRow } from '../../../src/cli/top/rows.js';
import { ALL_COLUMNS, COLUMNS, frameOf, linesOf } from '../../../src/cli/top/screen.js';
import type { ContainerUsage } from '../../../src/container/host.js';
import type { Consumption } from '../../../src/host/consumption.js';

const used = { cpuMicroseconds: 0n, memory: 4096n, tasks: 3, read: 0n, written: 0n } as const;
const look = (
  at: number,
  consumed: Partial<Consumption> | null,
  changes: Partial<ContainerUsage> = {},
): ContainerUsage => ({
  ctid: 101,
  running: consumed !== null,
  hostname: 'web.example',
  name: null,
  ram: 1n << 20n,
  at,
  used: consumed && { ...used, ...consumed },
  pressure: null,
  network: null,
  ...changes,
});

describe('rates', () => {
  it('are what was used between two looks, in a second', () => {
    const pressure = { cpu: 1.5, memory: 0, io: null };
    const network = { sent: 500n, received: 70n };
    const before = [look(1000, { cpuMicroseconds: 5_000_000n, read: 100n, written: 7n }, { network })];
    const later = { pressure, network: { sent: 2500n, received: 70n } };
    const now = [look(3000, { cpuMicroseconds: 6_000_000n, read: 2148n, written: 7n }, later)];
    expect(rowsOf(before, now)).toEqual([
      {
        ctid: 101,
        status: 'running',
        name: 'web.example',
        cpu: 50,
        memory: 4096,
        limit: 1_048_576,
        tasks: 3,
        read: 1024,
        written: 0,
        received: 0,
        sent: 1000,
        pressure,
      },
    ]);
  });

  it('are none at the first look, nor of what does not run or is not counted', () => {
    const none = { cpu: null, read: null, written: null, received: null, sent: null };
    expect(rowsOf([], [look(0, {})])).toMatchObject([{ ...none, memory: 4096 }]);
    expect(rowsOf([look(0, {})], [look(1000, null)])).toMatchObject([
      { ...none, memory: null, tasks: null, status: 'stopped' },
    ]);
    expect(rowsOf([look(0, null)], [look(1000, {})])).toMatchObject([none]);
    expect(rowsOf([look(0, { read: null })], [look(1000, { read: null })])).toMatchObject([
      { cpu: 0, read: null },
    ]);
  });

  it('are not negative for one that was started anew', () => {
    const before = [look(0, { cpuMicroseconds: 9_000_000n, read: 5n })];
    expect(rowsOf(before, [look(1000, {})])).toMatchObject([{ cpu: 0, read: 0 }]);
  });
});

const row = (changes: Partial<TopRow>): TopRow => ({
  ctid: 101,
  status: 'running',
  name: 'a',
  cpu: 0,
  memory: 0,
  limit: null,
  tasks: 1,
  read: 0,
  written: 0,
  received: null,
  sent: null,
  pressure: { cpu: null, memory: null, io: null },
  ...changes,
});

describe('the order', () => {
  const rows = [
    row({ ctid: 103, name: 'c', cpu: 1, memory: 30, tasks: 2, read: 1, written: 1 }),
    row({ ctid: 101, name: 'b', cpu: 3, memory: 10, tasks: 1, read: null, written: 5 }),
    row({ ctid: 102, name: 'a', cpu: null, memory: null, tasks: null, read: null, written: null }),
  ];
  const ids = (...args: [Parameters<typeof sortRows>[1], boolean]) =>
    sortRows(rows, ...args).map(({ ctid }) => ctid);

  it('has the most first, and what has none last, reversed too', () => {
    expect(ids('cpu', false)).toEqual([101, 103, 102]);
    expect(ids('cpu', true)).toEqual([103, 101, 102]);
    expect(ids('memory', false)).toEqual([103, 101, 102]);
    expect(ids('tasks', true)).toEqual([101, 103, 102]);
    expect(ids('io', false)).toEqual([101, 103, 102]);
    expect(ids('ctid', false)).toEqual([101, 102, 103]);
    expect(ids('name', false)).toEqual([102, 101, 103]);
    expect(ids('name', true)).toEqual([103, 101, 102]);
  });

  it('does not depend on the order before', () => {
    const some = fc.record({ ctid: fc.nat(50), cpu: fc.option(fc.nat(3)), name: fc.constantFrom('a', 'b') });
    fc.assert(
      fc.property(
        fc.uniqueArray(some, { selector: ({ ctid }) => ctid }),
        fc.constantFrom(...SORTS),
        fc.boolean(),
        (list, by, reverse) => {
          const made = list.map(row);
          expect(sortRows([...made].reverse(), by, reverse)).toEqual(sortRows(made, by, reverse));
        },
      ),
    );
  });
});

describe('keys', () => {
  const mode: Mode = { sort: 'cpu', reverse: false, all: false, over: false };

  it.each([
    ['q', { over: true }],
    ['\u0003', { over: true }],
    ['m', { sort: 'memory' }],
    ['mr', { sort: 'memory', reverse: true }],
    ['rm', { sort: 'memory', reverse: false }],
    ['aa', { all: false }],
    ['a', { all: true }],
    ['N', { sort: 'name' }],
    // Down, F2, Alt-q: of the terminal, and no letters of ours.
    ['\u001b[B', {}],
    ['\u001bOQ', {}],
    ['\u001bq', {}],
    ['constructor', { sort: 'tasks', reverse: true }],
  ])('%j', (text, changes) => expect(typed(mode, text)).toMatchObject({ ...mode, ...changes }));
});

describe('the screen', () => {
  const view = (rows: readonly TopRow[], size = { rows: 24, columns: 80 }, columns = COLUMNS) =>
    linesOf({ rows, columns, sort: 'cpu', size, time: '12:34:56' });

  it('has a summary, a header and a line each', () => {
    const lines = view([
      row({ cpu: 12.34, memory: 3_500_000, limit: 1 << 28, tasks: 7, read: 2048, written: 0, name: 'web' }),
      row({ ctid: 102, status: 'stopped', cpu: null, memory: null, tasks: null, read: null, written: null }),
    ]);
    expect(lines).toEqual([
      '12:34:56, 1 running, 7 tasks, 12.3% cpu, 3.3M memory, by cpu',
      '      CTID   %CPU    MEM  LIMIT  TASKS READ/S WRITE/S STATUS  NAME',
      '       101   12.3   3.3M   256M      7   2.0K      0B running web',
      '       102      -      -      -      -      -       - stopped a',
    ]);
  });

  it('has the network, and what is waited for, on request', () => {
    const pressure = { cpu: 12.5, memory: 0, io: null };
    const rows = [row({ received: 2048, sent: 5, pressure })];
    expect(view(rows, { rows: 24, columns: 200 }, ALL_COLUMNS).slice(1)).toEqual([
      '      CTID   %CPU    MEM  LIMIT  TASKS READ/S WRITE/S RECV/S SENT/S WAITCPU WAITMEM WAITIO STATUS  NAME',
      '       101    0.0     0B      -      1     0B      0B   2.0K     5B    12.5     0.0      - running a',
    ]);
  });

  it('is never larger than the terminal, and tells what it left out', () => {
    const many = Array.from({ length: 50 }, (_, i) => row({ ctid: 101 + i }));
    const lines = view(many, { rows: 6, columns: 30 });
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toBe('           … and 47 more');
    fc.assert(
      fc.property(fc.nat(60), fc.nat(200), fc.nat(50), (rows, columns, count) => {
        const shown = view(many.slice(0, count), { rows, columns });
        expect(shown.length).toBeLessThanOrEqual(rows);
        for (const line of shown) expect([...line].length).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('lets no control character of a name through', () => {
    const [, , line] = view([row({ name: 'x\u001b[2J\u009b\r\n' })]);
    expect(line).toMatch(/x\?\[2J\?\?\?$/);
  });

  it('is drawn over the last one', () => {
    expect(frameOf(['a', 'b', 'c'])).toBe(
      '\u001b[Ha\u001b[K\r\n\u001b[7mb\u001b[0m\u001b[K\r\nc\u001b[K\u001b[J',
    );
  });
});

it.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1.0K'],
  [1024, '1.0K'],
  [102_400, '100K'],
  [1_048_575, '1.0M'],
  [268_435_456, '256M'],
  [2 ** 60, '1024P'],
])('%d bytes are %s', (bytes, text) => expect(human(bytes)).toBe(text));
