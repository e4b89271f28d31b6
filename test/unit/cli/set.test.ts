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
    expect(result.calls).toEqual([['set', changes, { save: true, signal }]]);
    expect(result.stdout).toContain('CT configuration saved');
  });

  it('saves only when told to, and accepts --setmode and --force', async () => {
    const result = await run(['set', '101', '--swap', '0', '--setmode', 'ignore', '--force']);
    expect(result.calls).toEqual([['set', new Map([['SWAPPAGES', '0:0']]), { save: false, signal }]]);
  });

  it.each([
    [['--onboot', 'maybe'], 21],
    [['--hostname', '-web'], 70],
    [['--ram', '1G', '--physpages', '1'], 21],
    [['--layout', 'overlay'], 20],
    [['--private', '/srv/101'], 20],
    [['--save'], 20],
  ])('refuses %j with %i', async (options, status) => {
    expect(await run(['set', '101', ...options])).toMatchObject({ status, calls: [] });
  });
});
