/** vzlist: which containers, which fields, in which form. */
import { describe, expect, it } from 'vitest';
import { row, run } from '../../helpers/fake-host.js';

const rows = [
  row({ ctid: 101, ip: ['10.0.0.1', '10.0.0.2'] }),
  row({ ctid: 102, status: 'stopped', hostname: 'db.example.org', name: 'db', uptime: null }),
  row({ ctid: 1000, hostname: null, description: 'third\u001b[31m' }),
];

const vzlist = (...argv: readonly string[]) => run(['list', ...argv], { rows });
const ids = async (...argv: readonly string[]) =>
  (await vzlist('-H', '-o', 'ctid', ...argv)).stdout
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

describe('the table', () => {
  it('shows the running ones in padded columns', async () => {
    expect((await vzlist()).stdout.split('\n')).toEqual([
      '      CTID      NPROC STATUS    IP                HOSTNAME',
      '       101          3 running   10.0.0.1 10.0.0.2 web.example.org',
      '      1000          3 running   -                 -',
      '',
    ]);
  });

  it('shows the fields asked for, without a header', async () => {
    const { stdout } = await vzlist('-H', '-o', 'veid,numproc.l,uptime', '101');
    expect(stdout).toBe('       101 9223372036854775807 001d02h:03m:04s\n');
  });

  it('shows no processes of what does not run, and lets no escape sequence through', async () => {
    expect((await vzlist('-aHo', 'numproc', '102')).stdout.trim()).toBe('-');
    expect((await vzlist('-Ho', 'description', '1000')).stdout.trim()).toBe('third?[31m');
  });

  it('prints ids alone with -1, and names with -n', async () => {
    expect((await vzlist('-1', '-a')).stdout).toBe('       101\n       102\n      1000\n');
    expect((await vzlist('-a', '-n')).stdout).toMatch(/STATUS +IP +NAME\n/);
  });

  it('lists the fields', async () => {
    expect((await vzlist('-L')).stdout.split('\n')).toEqual(expect.arrayContaining(['ctid', 'numproc.m']));
  });
});

describe('the choice', () => {
  it.each([
    [['-a'], ['101', '102', '1000']],
    [['-S'], ['102']],
    [
      ['-a', '-s', '-ctid'],
      ['1000', '102', '101'],
    ],
    [
      ['-a', '-s', 'hostname', '-h', '*.example.???'],
      ['102', '101'],
    ],
    [['-a', '-h', 'web'], []],
    [['-a', '-N', 'd?'], ['102']],
    [['-a', '-d', 'third*'], ['1000']],
    [
      ['-a', '101', '1000'],
      ['101', '1000'],
    ],
  ])('of %j is %j', async (argv, expected) => {
    expect(await ids(...argv)).toEqual(expected);
  });

  it.each([[['-o', 'nonsense']], [['-s', 'nonsense']], [['-j', '-o', 'numproc.l']], [['--nonsense']]])(
    'refuses %j with 20',
    async (argv) => {
      const result = await vzlist(...argv);
      expect(result).toMatchObject({ status: 20, stdout: '' });
      expect(result.stderr).not.toBe('');
    },
  );
});

describe('JSON', () => {
  it('has every field, typed, two spaces in', async () => {
    const { stdout } = await vzlist('-j', '101');
    expect(stdout).toMatch(/^\[\n {2}\{\n {4}"ctid": 101,\n/);
    expect(JSON.parse(stdout)).toMatchObject([
      { ctid: 101, name: null, ip: ['10.0.0.1', '10.0.0.2'], onboot: null, disabled: false, uptime: 93784.5 },
    ]);
  });

  it('keeps 64-bit limits to the last digit', async () => {
    expect((await vzlist('-j', '-o', 'numproc', '101')).stdout).toContain('"limit": 9223372036854775807,');
  });

  it('of nothing is an empty array', async () => {
    expect(JSON.parse((await vzlist('-j', '-h', 'none')).stdout)).toEqual([]);
  });
});
