/** vzctl set: which changes its options ask for. */
import { describe, expect, it } from 'vitest';
import { run } from '../../helpers/fake-host.js';

describe('set', () => {
  const signal = expect.any(AbortSignal);

  it('hands over the changes as they are saved', async () => {
    const argv = ['set', '101', '--hostname', 'web', '--onboot', 'yes', '--stop-timeout', '5', '--save'];
    const result = await run(argv);
    const changes = new Map([
      ['HOSTNAME', 'web'],
      ['ONBOOT', 'yes'],
      ['STOP_TIMEOUT', '5'],
    ]);
    expect(result.calls).toEqual([['set', changes, expect.objectContaining({ save: true, signal })]]);
    expect(result.stdout).toContain('CT configuration saved');
  });

  it('saves only when told to, and hands over --setmode and --force', async () => {
    const result = await run(['set', '101', '--swap', '0', '--setmode', 'ignore', '--force']);
    const options = expect.objectContaining({ save: false, setMode: 'ignore', force: true });
    expect(result.calls).toEqual([['set', new Map([['SWAPPAGES', '0:0']]), options]]);
  });

  it('takes a list as often as it is given, deletions first', async () => {
    const argv = ['set', '101', '--ipadd', '10.0.0.1', '--ip', '10.0.0.2/24', '--ipdel', 'all', '--save'];
    const edit = { remove: 'all', add: ['10.0.0.1', '10.0.0.2/24'] };
    expect((await run(argv)).calls).toEqual([['set', new Map([['IP_ADDRESS', edit]]), expect.anything()]]);
  });

  it('needs no parameter beside a sample or --reset_ub', async () => {
    for (const argv of [['--applyconfig', 'basic'], ['--reset_ub']])
      expect((await run(['set', '101', ...argv])).calls).toMatchObject([['set', new Map(), {}]]);
  });

  it.each([
    ['-e', 'NUMIPTENT'],
    ['-p', 'NUMPROC'],
    ['-f', 'NUMFLOCK'],
    ['-t', 'NUMPTY'],
    ['-i', 'NUMSIGINFO'],
    ['-l', 'LOCKEDPAGES'],
    ['-k', 'KMEMSIZE'],
    ['-b', 'TCPRCVBUF'],
    ['-n', 'NUMFILE'],
    ['-x', 'DCACHESIZE'],
  ])('knows %s as %s', async (option, key) => {
    expect((await run(['set', '101', option, '5'])).calls).toMatchObject([
      ['set', new Map([[key, '5:5']]), {}],
    ]);
  });

  it.each([
    [['--onboot', 'maybe'], 21],
    [['--hostname', '-web'], 70],
    [['--ram', '1G', '--physpages', '1'], 21],
    [['--layout', 'overlay'], 20],
    [['--private', '/srv/101'], 20],
    [['--save'], 20],
    [['--ram', '1G', '--setmode', 'later'], 21],
    [['--ipadd', '10.0.0.256'], 71],
    [['--nameserver', 'dns.example'], 72],
    [['--searchdomain', '-'], 73],
    [['--mac', '00:18:51:00:00:01'], 20],
    [['--ifname', 'eth0'], 20],
  ])('refuses %j with %i', async (options, status) => {
    expect(await run(['set', '101', ...options])).toMatchObject({ status, calls: [] });
  });
});
