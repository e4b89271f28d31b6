/** vzubc: the form of /proc/user_beancounters, the table for people, what has come since the last time. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spellOut } from '../../../src/cli/commands/ubc.js';
import { formatBeancounters, parseBeancounters } from '../../../src/cli/ubc/proc-file.js';
import { SeenCounters } from '../../../src/cli/ubc/seen.js';
import { ubcTables } from '../../../src/cli/ubc/table.js';
import { COUNTERS, type CounterName } from '../../../src/config/listed-settings.js';
import { UNLIMITED } from '../../../src/config/units.js';
import type { Beancounter, Beancounters } from '../../../src/container/beancounters.js';
import { run } from '../../helpers/fake-host.js';

const of = (resource: CounterName, held: number, maxheld: number, limit: bigint, failcnt = 0) =>
  ({ resource, counted: { held, maxheld, failcnt }, barrier: limit, limit }) satisfies Beancounter;
const uncounted = (resource: CounterName) =>
  ({ resource, counted: null, barrier: UNLIMITED, limit: UNLIMITED }) satisfies Beancounter;
const container = (ctid: number, ...known: readonly Beancounter[]): Beancounters => ({
  ctid,
  resources: COUNTERS.map((name) => known.find(({ resource }) => resource === name) ?? uncounted(name)),
});

const CT = container(
  101,
  of('kmemsize', 3_292_528, 5_672_960, UNLIMITED),
  of('numproc', 18, 20, 20n, 7),
  of('physpages', 16_384, 40_000, 65_536n),
);

describe('the form of /proc/user_beancounters', () => {
  it('has the rows of the kernel of OpenVZ, in its columns', () => {
    const lines = formatBeancounters([CT]).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'Version: 2.5',
      '       uid  resource                     held              maxheld              barrier                limit              failcnt',
      '      101:  kmemsize                  3292528              5672960  9223372036854775807  9223372036854775807                    0',
    ]);
    expect(lines.slice(2, -1).map((line) => line.replace('101:', '').trim().split(/\s+/)[0])).toEqual([
      ...['kmemsize', 'lockedpages', 'privvmpages', 'shmpages', 'dummy', 'numproc', 'physpages'],
      ...['vmguarpages', 'oomguarpages', 'numtcpsock', 'numflock', 'numpty', 'numsiginfo', 'tcpsndbuf'],
      ...['tcprcvbuf', 'othersockbuf', 'dgramrcvbuf', 'numothersock', 'dcachesize', 'numfile', 'dummy'],
      ...['dummy', 'dummy', 'numiptent'],
    ]);
  });

  it('is told apart, where nothing counts, from what is counted and is nothing', () => {
    const text = formatBeancounters([container(7, of('numproc', 0, 0, UNLIMITED))]);
    expect(text).toMatch(/^ +numproc +0 +0 +9223372036854775807 +9223372036854775807 +0$/m);
    expect(text).toMatch(/^ +numfile +0 +0 +0 +0 +0$/m);
  });

  it('is read as it is written', () => {
    const all = [CT, container(202, of('numproc', 1, 1, 400n))];
    const [first, second] = parseBeancounters(formatBeancounters(all), 'ubc');
    expect(first?.ctid).toBe(101);
    expect(first?.resources).toContainEqual(of('numproc', 18, 20, 20n, 7));
    expect(second?.resources).toContainEqual(of('numproc', 1, 1, 400n));
    expect(second?.resources.find(({ resource }) => resource === 'numfile')?.counted).toBeNull();
  });

  it.each([
    ['', /not of the form/],
    ['Version: 2.5\n', /not of the form/],
    ['Version: 2.5\n uid resource held\n numproc 1 2 3 4 5\n', /line 3 is no beancounter/],
    ['Version: 2.5\n uid resource held\n 1: numproc 1 2 3 4\n', /line 3 is no beancounter/],
    ['Version: 2.5\n uid resource held\n 1: numproc 1 2 3 4 -5\n', /line 3 is no beancounter/],
    [`Version: 2.5\n uid resource held\n 1: numproc 1 2 3 4 ${'9'.repeat(21)}\n`, /line 3 is no beancounter/],
  ])('is refused as %j', (text, message) => {
    expect(() => parseBeancounters(text, 'x')).toThrow(message);
  });
});

describe('the table', () => {
  it('shows memory in K, M and G, parts of limits, and what is not counted', () => {
    const lines = ubcTables([CT], {}).split('\n');
    const row = (name: string) =>
      lines
        .find((line) => line.trimStart().startsWith(`${name}|`))
        ?.split(/[| ]+/)
        .filter(Boolean);
    expect(lines[1]).toMatch(/^CT 101 +\| +HELD Bar% Lim%\| +MAXH Bar% Lim%\| +BAR\| +LIM\|FAIL$/);
    expect(row('physpages')).toEqual([
      'physpages',
      '64.0M',
      '25%',
      '25%',
      '156M',
      '61%',
      '61%',
      '256M',
      '256M',
      '-',
    ]);
    expect(row('numproc')).toEqual(['numproc', '18', '90%', '90%', '20', '100%', '100%', '20', '20', '7']);
    expect(row('kmemsize')).toEqual(['kmemsize', '3.14M', '-', '-', '5.41M', '-', '-', '-', '-', '-']);
    expect(row('numfile')).toEqual(['numfile', 'n/c', '-', '-', 'n/c', '-', '-', '-', '-', 'n/c']);
  });

  it('shows what is near its limit alone, in red', () => {
    const near = { held: 0.5, maxheld: 0.8 };
    const text = ubcTables([CT, container(102, of('numproc', 1, 2, 20n))], { near, color: true });
    expect(text.replaceAll('\x1b', '')).toMatch(/\[31m *numproc\|.*\[39m\n$/);
    expect(text).not.toContain('physpages');
    expect(text).not.toContain('CT 102');
    expect(ubcTables([CT], { near: { held: 0.2, maxheld: 0.8 } })).toContain('physpages');
  });

  it('has whole numbers on request', () => {
    expect(ubcTables([CT], { exact: true })).toMatch(/kmemsize\| *3292528 /);
  });
});

describe('since the last time', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/cella-ubc-`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const failures = (all: readonly Beancounters[]) =>
    all[0]?.resources.find(({ resource }) => resource === 'numproc')?.counted?.failcnt;
  const with7 = (failcnt: number) => [container(101, of('numproc', 5, 9, 20n, failcnt))];

  it('counts failures since, and from nothing when the container was started anew', () => {
    const seen = new SeenCounters(`${directory}/seen`);
    const next = (failcnt: number) => failures(seen.since(with7(failcnt), { failures: true }));
    expect([next(7), next(7), next(10), next(2)]).toEqual([7, 0, 3, 2]);
  });

  it('forgets what it has noted down, and nothing else that is there', () => {
    mkdirSync(`${directory}/ubc.d`);
    writeFileSync(`${directory}/other`, '');
    const seen = new SeenCounters(directory);
    seen.since(with7(7), { failures: true });
    expect(readdirSync(directory)).toContain('ubc.101');
    seen.forget();
    expect(readdirSync(directory).sort()).toEqual(['other', 'ubc.d']);
    expect(failures(seen.since(with7(7), { failures: true }))).toBe(7);
  });

  it.each(['nonsense', '[1]', '{"numproc":null}', '{"numproc":{"failcnt":"x"}}', '7'])(
    'takes %s for nothing',
    (text) => {
      writeFileSync(`${directory}/ubc.101`, text);
      expect(failures(new SeenCounters(directory).since(with7(7), { failures: true }))).toBe(7);
    },
  );
});

describe('the command', () => {
  it("takes OpenVZ's options of two letters", () => {
    expect(spellOut(['-q', '-qh', '.4', '-wn', '2', '-rd', '/x', '101'])).toEqual([
      ...['-q', '--qheld', '.4', '--winterval', '2', '--reldir', '/x', '101'],
    ]);
  });

  it.each([
    [['-qh', '1.5'], /part of one/],
    [['-qm', 'x'], /part of one/],
    [['-wn', '0'], /number of seconds/],
    [['-f', '/nonexistent'], /cannot read '\/nonexistent'/],
  ])('refuses %j', async (argv, message) => {
    const { status, stderr } = await run(argv, { program: 'vzubc' });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it('shows a file', async () => {
    const directory = mkdtempSync(`${tmpdir()}/cella-ubc-`);
    writeFileSync(`${directory}/ubc`, formatBeancounters([CT]));
    const { stdout } = await run(['-f', `${directory}/ubc`, '-q'], { program: 'vzubc' });
    expect(stdout).toMatch(/numproc\|/);
    rmSync(directory, { recursive: true });
  });
});
