/** The command line: exit statuses, what it says, and what it asks of the library. */
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/cli/io.js';
import { CellaError } from '../../../src/errors.js';
import { run } from '../../helpers/fake-host.js';

const signal = expect.any(AbortSignal);

describe('arguments', () => {
  it.each([
    [[], 20],
    [['frobnicate'], 20],
    [['--frobnicate', 'status', '101'], 20],
    [['start', '101', '--frobnicate'], 20],
    [['start', '101', '102'], 20],
    [['set', '101', '--hostname'], 20],
    [['start'], 27],
    [['exec', '101'], 27],
    [['runscript', '101'], 27],
  ])('%j ends with %i and one sentence on standard error', async (argv, status) => {
    const result = await run(argv);
    expect(result).toMatchObject({ status, stdout: '', calls: [] });
    expect(result.stderr).toMatch(/^(?!error:).+\n$/);
  });

  it('prints its version and its help', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^vzctl version \d+\.\d+\.\d+\n$/);
    expect(await run(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('start') });
    expect(await run(['create', '--help'])).toMatchObject({ stdout: expect.stringContaining('--ram') });
  });

  it('takes the flags of vzctl before the action', async () => {
    const result = await run(['--quiet', '--verbose', '--skiplock', 'umount', '101']);
    expect(result).toMatchObject({ status: 0, stdout: '', calls: [['umount', { signal }]] });
  });
});

describe('errors', () => {
  const cause = new CellaError('ALREADY_RUNNING', 'container 101 is running', { hint: 'Stop it first.' });

  it('are a sentence, a hint and the exit number', async () => {
    const result = await run(['start', '101'], { results: { start: cause } });
    expect(result).toMatchObject({ status: 32, stderr: 'container 101 is running\nStop it first.\n' });
  });

  it('show the stack only when asked for', async () => {
    const result = await run(['--debug', 'start', '101'], { results: { start: cause } });
    expect(result.stderr).toMatch(/^ +at .+main\.test\.ts/m);
  });

  it('say when a failure could not be taken back', async () => {
    const start = new AggregateError([new Error('busy')], 'could not be taken back', { cause });
    const result = await run(['start', '101'], { results: { start } });
    expect(result).toMatchObject({ status: 32, stderr: 'could not be taken back\nStop it first.\n' });
  });

  it('without a code are exit number 3', async () => {
    const result = await run(['stop', '101'], { results: { stop: new Error('EIO') } });
    expect(result).toMatchObject({ status: 3, stderr: 'EIO\n' });
  });
});

describe('status', () => {
  it.each([
    [{ exists: true, mounted: true, running: true, suspended: false }, 'exist mounted running'],
    [{ exists: true, mounted: false, running: false, suspended: true }, 'exist unmounted down suspended'],
    [{ exists: false, mounted: false, running: false, suspended: false }, 'deleted unmounted down'],
  ])('%j is one line', async (status, words) => {
    expect((await run(['status', '101'], { results: { status } })).stdout).toBe(`CTID 101 ${words}\n`);
  });

  it('is printed with --quiet too', async () => {
    const results = { status: { exists: true, mounted: true, running: true, suspended: false } };
    expect((await run(['--quiet', 'status', '101'], { results })).stdout).not.toBe('');
  });
});

describe('create', () => {
  it('passes on template, sample and parameters', async () => {
    const argv = ['create', '101', '--ostemplate', 'busybox', '--config', 'basic', '--ram', '64M'];
    const result = await run(argv, { results: { create: { privileged: false } } });
    const changes = new Map([['PHYSPAGES', '0:16384']]);
    expect(result.calls).toEqual([['create', { ostemplate: 'busybox', sample: 'basic', changes, signal }]]);
    expect(result.stdout).toBe(
      'Creating container private area (busybox)\nContainer private area was created\n',
    );
  });

  it.each([
    [['--local_uid', '0'], 0],
    [['--local_gid', '131072'], 131_072],
    [['--local_uid', '131072', '--local_gid', '131072'], 131_072],
  ])('takes the first id of its range from %j', async (options, localUid) => {
    const result = await run(['create', '101', ...options]);
    expect(result.calls).toEqual([['create', { changes: new Map(), localUid, signal }]]);
  });

  it.each([
    [['--local_uid', '1x']],
    [['--local_gid', '4294967295']],
    [['--local_uid', '131072', '--local_gid', '0']],
  ])('refuses %j', async (options) => {
    expect(await run(['create', '101', ...options])).toMatchObject({ status: 21, calls: [] });
  });
});

describe('start and stop', () => {
  it('starts, and says so', async () => {
    const result = await run(['start', '101', '--wait', '--force']);
    expect(result.calls).toEqual([['start', { wait: true, force: true, signal }]]);
    expect(result.stdout).toBe('Starting container...\nContainer start in progress...\n');
  });

  it('prints the plan as JSON and starts nothing', async () => {
    const result = await run(['start', '101', '--plan'], { results: { planStart: { steps: [] } } });
    expect(JSON.parse(result.stdout)).toEqual({ steps: [] });
    expect(result.calls).toEqual([['planStart']]);
  });

  it('stops, and says so', async () => {
    const result = await run(['stop', '101', '--fast'], { results: { stop: { wasRunning: true } } });
    expect(result.calls).toEqual([['stop', { fast: true, signal }]]);
    expect(result.stdout).toBe('Stopping container...\nContainer was stopped\n');
  });

  it('knows destroy as delete', async () => {
    expect((await run(['delete', '101'])).calls).toEqual([['destroy', { signal }]]);
  });
});

describe('what the library tells', () => {
  const ctid = 101;

  it('is said as vzctl says it, and asides on standard error', async () => {
    const result = await run(['status', '101'], {
      results: { status: {} },
      events: [
        { type: 'begun', ctid, verb: 'start' },
        { type: 'mounted', ctid },
        { type: 'unmounted', ctid },
        { type: 'removing', ctid, privateArea: '/var/lib/vz/private/101' },
        { type: 'recovered', ctid, left: 'start' },
        { type: 'warning', ctid, message: 'container 101 is privileged' },
      ],
    });
    expect(result.stdout).toBe(
      [
        'Container is mounted',
        'Container is unmounted',
        'Destroying container private area: /var/lib/vz/private/101',
        'CTID 101 deleted unmounted down',
        '',
      ].join('\n'),
    );
    expect(result.stderr).toBe(
      [
        'Took away what an interrupted run of container 101 had left',
        'Warning: container 101 is privileged',
        '',
      ].join('\n'),
    );
  });

  it('is not said with --quiet', async () => {
    const events = [{ type: 'mounted', ctid } as const, { type: 'warning', ctid, message: 'x' } as const];
    expect(await run(['--quiet', 'mount', '101'], { events })).toMatchObject({ stdout: '', stderr: '' });
  });
});

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s aborts what runs, which ends with %i', async (name, status) => {
    const onSignal: Io['onSignal'] = (_, handler) => {
      setImmediate(() => handler(name));
      return () => undefined;
    };
    const stop = ({ signal }: { signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const result = await run(['stop', '101'], { results: { stop }, io: { onSignal } });
    expect(result).toMatchObject({ status, stderr: 'interrupted\n' });
  });
});
