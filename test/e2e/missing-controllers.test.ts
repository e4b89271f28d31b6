/** What a host cannot limit is refused with the reason: never is there a limit that does not hold. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { CLI, watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101, 102] });
const configPath = (ctid: number): string => `${sandbox.rootDir}/etc/vz/conf/${ctid}.conf`;
const REASON = 'this host has no control groups with the controller pids';

/** Where nobody sees the hierarchy of the controller pids. */
async function without(...args: readonly string[]) {
  const script =
    'umount "$(sed -n "s/^cgroup \\([^ ]*\\) cgroup [^ ]*pids.*/\\1/p" /proc/mounts)"; exec "$@"';
  const command = ['sh', '-euc', script, 'sh', process.execPath, `${CLI}vzctl.cjs`, ...args];
  const env = { ...process.env, CELLA_ROOT: sandbox.rootDir };
  return watch(spawn('unshare', ['--mount', '--propagation', 'private', ...command], { env })).ended;
}

describe('a host without the controller pids', () => {
  requires('cgroup-v1');
  beforeAll(() => sandbox.create(101, '--numproc', '70'));

  it('makes no container with such a limit', async () => {
    const made = await without('create', '102', '--numproc', '50', '--cpulimit', '50');
    expect(made).toMatchObject({
      code: 1,
      stderr: `no effect on this host: --numproc (${REASON})\n`,
    });
    expect(existsSync(configPath(102))).toBe(false);
    expect(existsSync(`${sandbox.rootDir}/var/lib/vz/private/102`)).toBe(false);
  });

  it('sets none, and nothing that is given with it', async () => {
    const before = readFileSync(configPath(101), 'utf8');
    const set = await without('set', '101', '--cpulimit', '50', '--numproc', '60', '--save');
    expect(set).toMatchObject({ code: 1, stderr: expect.stringContaining(`--numproc (${REASON})`) });
    expect(readFileSync(configPath(101), 'utf8')).toBe(before);
    expect(await without('set', '101', '--cpulimit', '50', '--save')).toMatchObject({ code: 0, stderr: '' });
  });

  it('starts no container without a limit that it is to have, unless by force', async () => {
    expect(await without('start', '101')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(`container 101 would run without its limits --numproc (${REASON})`),
    });
    expect(await without('start', '101', '--force')).toMatchObject({
      code: 0,
      stderr: 'Warning: no effect on this host: --numproc\n',
    });
    await sandbox.good('stop', '101');
    await sandbox.good('start', '101');
  });
});
