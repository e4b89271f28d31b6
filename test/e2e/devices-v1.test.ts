/** The device policy where there is no cgroup v2: in a mount namespace that does not show the host's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMounts } from '../../src/host/mounts.js';
import { CLI, type Result, watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['cgroup-v1'] });

let host: ChildProcess;
beforeEach(async () => {
  const hide = readMounts()
    .filter(({ type }) => type === 'cgroup2')
    .map(({ target }) => `umount '${target}'`);
  const script = [...hide, 'echo ready', 'exec sleep 600'].join('\n');
  host = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-euc', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(host.stdout as NonNullable<typeof host.stdout>, 'data');
});
afterEach(async () => {
  await vzctl('stop', '101', '--fast');
  await vzctl('destroy', '101');
  host.kill('SIGKILL');
  await once(host, 'exit');
  await sandbox.clear();
});

function vzctl(...args: readonly string[]): Promise<Result> {
  const command = [`--mount=/proc/${host.pid}/ns/mnt`, process.execPath, `${CLI}vzctl.cjs`, ...args];
  return watch(spawn('nsenter', command, { env: { ...process.env, CELLA_ROOT: sandbox.rootDir } })).ended;
}
const inside = async (command: string): Promise<string> =>
  (await vzctl('exec', '101', command)).stdout.trim();

async function start(...args: readonly string[]): Promise<void> {
  expect(
    await vzctl('create', '101', '--ostemplate', 'busybox', '--layout', 'overlay:directory', ...args),
  ).toMatchObject({ code: 0 });
  expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0 });
}

describe('on cgroup v1 alone', () => {
  it('a device is allowed as far as it is said, at a start and live', async () => {
    await start('--devnodes', 'net/tun:w');
    expect(await inside('head -c 1 /dev/net/tun 2>&1')).toMatch(/Operation not permitted/);
    await vzctl('set', '101', '--devnodes', 'net/tun:rw', '--save');
    expect(await inside('head -c 1 /dev/net/tun 2>&1')).toMatch(/Input\/output error/);
    await vzctl('set', '101', '--devnodes', 'zero:w', '--save');
    expect(await inside('head -c 1 /dev/zero 2>&1')).toMatch(/Operation not permitted/);
  });

  it('root of the host gets no further than the usual, whatever he writes to the group that he sees', async () => {
    await start('--local_uid', '0');
    await inside(
      'mkdir -p /tmp/d /tmp/g; mount -t tmpfs devices /tmp/d; mount -t cgroup -o devices devices /tmp/g',
    );
    expect(
      await inside('ls /tmp/g/devices.allow; echo a > /tmp/g/devices.allow; cat /tmp/g/devices.list'),
    ).not.toContain('a *:* rwm');
    expect(await inside('mknod /tmp/d/mem c 1 1 2>&1')).toMatch(/Operation not permitted/);
    expect(await inside('mknod /tmp/d/null c 1 3 && echo made')).toBe('made');
    await vzctl('stop', '101');
    expect(existsSync('/sys/fs/cgroup/devices/cella/101')).toBe(false);
  });
});
