/** A host that systemd runs: containers lie in what it delegates, and it leaves them alone. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ServiceClient } from '../../dist/service/index.js';
import { containerGroups } from '../helpers/leaks.js';
import { CLI } from '../helpers/sandbox.js';
import { initOf, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const UNIT = '/sys/fs/cgroup/machine.slice/cella.service';

/** cgroups(7): of v2, as what these tests run on has; what a killed run has left empty hurts nobody. */
const isPopulated = (group: string): boolean =>
  existsSync(`${group}/cgroup.events`) &&
  readFileSync(`${group}/cgroup.events`, 'utf8').includes('populated 1');

beforeAll(() => {
  // Stopping the unit, as tests below do, ends every container that this machine runs.
  const others = containerGroups().filter(isPopulated);
  if (others.length > 0) throw new Error(`containers of this machine run, stop them first: ${others}`);
});
const sandbox = useSandbox({ needs: ['systemd', 'cgroup-v2'], clear: [101, 102] });

const execute = promisify(execFile);
const systemctl = async (...args: readonly string[]): Promise<string> =>
  (await execute('systemctl', args)).stdout.trim();
const status = async (ctid: number): Promise<string> =>
  (await sandbox.vzctl(['status', String(ctid)])).stdout;

/** The container's own group, as the kernel names it for its init. */
function groupOf(ctid: number): string {
  const { init } = JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/${ctid}.json`, 'utf8')) as {
    init: { pid: number };
  };
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${init.pid}/cgroup`, 'utf8'))?.[1];
  return `/sys/fs/cgroup${path}`;
}

const limits = (ctid: number): readonly string[] =>
  ['memory.max', 'pids.max'].map((file) => readFileSync(`${groupOf(ctid)}/${file}`, 'utf8').trim());

async function startLimited(): Promise<void> {
  await sandbox.create(101, '--ram', '96M', '--numproc', '77');
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0, stderr: '' });
}

const LIMITS = [String(96 << 20), '77'];

describe('a container on a host of systemd', () => {
  it('lies in a delegated service below machine.slice, with its limits', async () => {
    await startLimited();
    expect(groupOf(101)).toMatch(new RegExp(`^${UNIT}/root-[0-9a-f]{8}/101$`));
    expect(limits(101)).toEqual(LIMITS);
    expect(
      await systemctl('show', 'cella.service', '--property=ActiveState,SubState,Delegate,Slice,MainPID'),
    ).toBe('MainPID=0\nSlice=machine.slice\nDelegate=yes\nActiveState=active\nSubState=running');
  });

  it('is born in its group: nothing is ever moved there', async () => {
    await sandbox.create(101);
    const trace = `${sandbox.rootDir}/trace`;
    const start = [process.execPath, `${CLI}vzctl.cjs`, '--root-dir', sandbox.rootDir, 'start', '101'];
    // It follows the container's init to its end.
    const strace = execute('strace', ['-f', '-o', trace, '-e', 'trace=clone3,openat', ...start]);
    await expect.poll(() => status(101), { timeout: 60_000, interval: 1000 }).toMatch(/running\n$/);
    expect(await sandbox.vzctl(['stop', '101', '--fast'])).toMatchObject({ code: 0 });
    await strace;
    const calls = readFileSync(trace, 'utf8').split('\n');
    const born = calls.filter((call) => call.includes('CLONE_INTO_CGROUP'));
    expect(born).toHaveLength(1);
    expect(born[0]).toMatch(/CLONE_NEWPID.*cgroup=\d+/);
    expect(calls.filter((call) => /cgroup\.procs|\/tasks"|cgroup\.threads/.test(call))).toEqual([]);
  });

  it('keeps group, limits and processes over a reload and a new start of systemd itself', async () => {
    await startLimited();
    const before = groupOf(101);
    await systemctl('daemon-reload');
    await systemctl('daemon-reexec');
    await systemctl('start', 'systemd-udevd.service');
    expect(groupOf(101)).toBe(before);
    expect(limits(101)).toEqual(LIMITS);
    expect((await sandbox.vzctl(['exec', '101', 'cat /proc/self/cgroup'])).stdout).toBe('0::/exec\n');
    expect(await status(101)).toBe('CTID 101 exist mounted running\n');
  });

  it('outlives the unit that it was started from', async () => {
    await sandbox.create(101);
    const start = [
      process.execPath,
      `${CLI}vzctl.cjs`,
      '--root-dir',
      sandbox.rootDir,
      'start',
      '101',
      '--wait',
    ];
    await execute('systemd-run', ['--wait', '--quiet', '--collect', ...start]);
    expect(await status(101)).toBe('CTID 101 exist mounted running\n');
    expect(groupOf(101)).toContain('/cella.service/');
  });
});

describe('the delegation', () => {
  it('does not end with its sleeping process, nor do the containers', async () => {
    await startLimited();
    process.kill(Number(readFileSync(`${UNIT}/keeper/cgroup.procs`, 'utf8')), 'SIGKILL');
    await systemctl('daemon-reload');
    expect(await status(101)).toBe('CTID 101 exist mounted running\n');
    await sandbox.create(102);
    expect(await sandbox.vzctl(['start', '102'])).toMatchObject({ code: 0, stderr: '' });
    expect(limits(101)).toEqual(LIMITS);
  });

  it('is asked for once when two containers start at the same moment', async () => {
    await sandbox.create(101);
    await sandbox.create(102);
    await systemctl('stop', 'cella.service').catch(() => undefined);
    expect(existsSync(UNIT)).toBe(false);
    const started = await Promise.all([101, 102].map((ctid) => sandbox.vzctl(['start', String(ctid)])));
    expect(started).toEqual([101, 102].map(() => expect.objectContaining({ code: 0, stderr: '' })));
    expect(await status(101)).toBe('CTID 101 exist mounted running\n');
    expect(await status(102)).toBe('CTID 102 exist mounted running\n');
  });

  it('may be stopped by the administrator: its containers end, and the next start asks again', async () => {
    await startLimited();
    await systemctl('stop', 'cella.service');
    expect(await status(101)).toBe('CTID 101 exist mounted down\n');
    expect(await sandbox.vzctl(['start', '101'])).toMatchObject({ code: 0 });
    expect(limits(101)).toEqual(LIMITS);
  });

  it('that systemd refuses fails the start in one sentence, and leaves nothing', async () => {
    await sandbox.create(101);
    await systemctl('stop', 'cella.service').catch(() => undefined);
    await systemctl('mask', '--runtime', 'cella.service');
    try {
      const { code, stderr } = await sandbox.vzctl(['start', '101']);
      expect(code).toBe(3);
      expect(stderr).toMatch(
        /^systemd did not delegate a control group: systemd-run failed: .*cella\.service.*\nSee "systemctl status cella\.service"\.\n$/,
      );
      expect(await status(101)).toBe('CTID 101 exist unmounted down\n');
    } finally {
      await systemctl('unmask', '--runtime', 'cella.service');
    }
    expect(await sandbox.vzctl(['start', '101'])).toMatchObject({ code: 0 });
  });
});

describe('the unit of the node service', () => {
  const NAME = 'cella-node-test.service';
  const FILE = `/run/systemd/system/${NAME}`;
  const POLL = { timeout: 60_000, interval: 1000 };
  const running = () => expect.poll(() => status(101), POLL).toMatch(/running\n$/);

  /** The pid of the service that answers. */
  async function answering(): Promise<number> {
    const client = new ServiceClient(sandbox.rootDir);
    const about = await client.call('GET', '/v1/').catch(() => undefined);
    return (about as { readonly pid: number } | undefined)?.pid ?? 0;
  }

  it('starts containers, and neither its end nor its death is theirs', async () => {
    await sandbox.create(101, '--onboot', 'yes');
    writeFileSync(FILE, (await sandbox.run('cella', ['service', 'unit'])).stdout);
    try {
      await systemctl('daemon-reload');
      await systemctl('start', NAME);
      await running();
      const [init, killed] = [initOf(sandbox, 101), await answering()];
      process.kill(killed, 'SIGKILL');
      await expect.poll(async () => [0, killed].includes(await answering()), POLL).toBe(false);
      await systemctl('stop', NAME);
      expect(await systemctl('show', NAME, '--property=Result', '--value')).toBe('success');
      await running();
      expect(initOf(sandbox, 101)).toBe(init);
    } finally {
      await systemctl('stop', NAME);
      rmSync(FILE);
      await systemctl('daemon-reload');
      await sandbox.vzctl(['stop', '101', '--fast']);
      await untilKeeperIsGone(sandbox);
    }
  });
});
