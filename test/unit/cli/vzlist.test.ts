/** vzlist: which containers, which fields, in which form. */
import { describe, expect, it } from 'vitest';
import { row, run } from '../../helpers/fake-host.js';

const rows = [
  row({ ctid: 101, ip: ['10.0.0.1', '10.0.0.2'] }),
  row({
    ctid: 102,
    status: 'stopped',
    hostname: 'db.example.org',
    name: 'db',
    uptime: null,
    host_ifname: ['veth102.0'],
  }),
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
      '      CTID      NPROC STATUS    IP              HOSTNAME',
      '       101          3 running   10.0.0.1 10.0.… web.example.org',
      '      1000          3 running   -               -',
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
    expect((await vzlist('-a', '-n')).stdout).toMatch(/STATUS +IP +SMARTNAME\n/);
  });

  it('cuts long values, unless they are last or all are wanted', async () => {
    expect((await vzlist('-Ho', 'ip,ctid', '101')).stdout).toBe('10.0.0.1 10.0.…        101\n');
    expect((await vzlist('-tHo', 'ip,ctid', '101')).stdout).toBe('10.0.0.1 10.0.0.2        101\n');
    expect((await vzlist('-Ho', 'ctid,ip', '101')).stdout).toBe('       101 10.0.0.1 10.0.0.2\n');
  });

  it('lets nothing through that turns the direction of writing', async () => {
    const hostile = { rows: [row({ description: 'a\u202eb\u2028c\u009bd' })] };
    expect((await run(['list', '-Ho', 'description'], hostile)).stdout).toBe('a?b?c?d\n');
    const { stdout } = await run(['list', '-j', '-o', 'description'], hostile);
    expect(stdout).not.toMatch(/[\u007f-\u009f\u202e]/);
    expect(JSON.parse(stdout)).toEqual([{ description: 'a\u202eb\u2028c\u009bd' }]);
  });

  it('shows parts of counters, and nothing of those that there are not', async () => {
    const diskspace = { usage: 5n, softlimit: 6n, hardlimit: 7n };
    const only = { rows: [row({ diskspace, features: { nfs: true, fuse: false }, laverage: [1, 1, 1] })] };
    const fields =
      'diskspace,diskspace.s,diskspace.h,numproc.m,numproc.b,numproc.f,kmemsize.l,laverage,features';
    const { stdout } = await run(['list', '-Ho', fields], only);
    expect(stdout.trim().split(/ +/)).toEqual([
      '5',
      '6',
      '7',
      '5',
      '100',
      '0',
      '-',
      '1.00/1.00/1.00',
      'nfs:on,fuse:off',
    ]);
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
    [['-a', '-h', '[!w]*'], ['102']],
    [['-a', '--name_filter', 'd[a-c]'], ['102']],
    [['-a', '-i', 'veth102.0'], ['102']],
    [['-a', '-i', 'veth*'], []],
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

describe('the order', () => {
  const limit = (value: bigint) => ({ held: 0, maxheld: 0, failcnt: 0, barrier: -value, limit: value });
  const some = {
    rows: [
      row({ ctid: 1, numproc: limit(9223372036854775806n), uptime: 9, hostname: 'h10', bootorder: 2 }),
      row({ ctid: 2, numproc: limit(9223372036854775807n), uptime: 10, hostname: 'h9', bootorder: null }),
      row({ ctid: 3, numproc: limit(9n), uptime: null, hostname: null, bootorder: 10 }),
    ],
  };
  it.each([
    ['numproc.l', ['3', '1', '2']],
    ['numproc.b', ['2', '1', '3']],
    ['-numproc.l', ['2', '1', '3']],
    ['uptime', ['3', '1', '2']],
    ['hostname', ['3', '2', '1']],
    ['-hostname', ['1', '2', '3']],
    ['bootorder', ['2', '1', '3']],
    ['veid', ['1', '2', '3']],
    ['-vpsid', ['3', '2', '1']],
  ])('by %s is %j', async (field, expected) => {
    const { stdout } = await run(['list', '-1a', '-s', field], some);
    expect(stdout.split(/\s+/).filter(Boolean)).toEqual(expected);
  });
});

describe('JSON', () => {
  it('has the fields in the order of the list, but parts of counters', async () => {
    const names = (await vzlist('-L')).stdout
      .split('\n')
      .filter((name) => name !== '' && !name.includes('.'));
    expect(Object.keys(JSON.parse((await vzlist('-j', '101')).stdout)[0])).toEqual(names);
    expect(names).toEqual(expect.arrayContaining(['kmemsize', 'diskspace', 'laverage', 'capability', 'mac']));
  });

  it('has the types of vzctl', async () => {
    const features = { nfs: true };
    const diskspace = { usage: 5n, softlimit: 9223372036854775807n, hardlimit: 7n };
    const { stdout } = await run(['list', '-j'], {
      rows: [row({ features, diskspace, laverage: [2, 2, 2] })],
    });
    expect(stdout).toContain('"diskspace": {"usage": 5, "softlimit": 9223372036854775807, "hardlimit": 7}');
    expect(JSON.parse(stdout)).toMatchObject([
      {
        features: { nfs: true },
        capability: null,
        laverage: [2, 2, 2],
        kmemsize: null,
        nameserver: [],
        cpulimit: null,
        cpus: 0,
        iolimit: 0,
        vswap: false,
        bootorder: null,
      },
    ]);
  });

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
