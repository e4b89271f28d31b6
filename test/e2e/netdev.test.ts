/** Network interfaces of the host in containers, in a network namespace of the test's own: given, renamed, returned. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLI, type Result, watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

/** Holds the namespace that is the host's network here. */
let host: ChildProcess;
beforeEach(async () => {
  host = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(host.stdout as NonNullable<typeof host.stdout>, 'data');
  await onHost('ip link add given type veth peer name other; ip link set other up');
});
afterEach(async () => {
  host.kill('SIGKILL');
  await once(host, 'exit');
});

const nsenter = (...argv: readonly string[]): readonly string[] => [
  `--net=/proc/${host.pid}/ns/net`,
  ...argv,
];
const onHost = (script: string): Promise<string> =>
  sandbox.shell(
    'exec nsenter "--net=/proc/$1/ns/net" sh -euc "PATH=$PATH:/usr/sbin; $2"',
    String(host.pid),
    script,
  );
const links = (): Promise<string> => onHost("ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d '\\n'");

function vzctlWith(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<Result> {
  const command = nsenter(process.execPath, `${CLI}vzctl.cjs`, ...args);
  return watch(
    spawn('nsenter', [...command], { env: { ...process.env, CELLA_ROOT: sandbox.rootDir, ...env } }),
  ).ended;
}
const vzctl = (...args: readonly string[]) => vzctlWith({}, args);
const inside = async (command: string): Promise<string> =>
  (await vzctl('exec', '101', command)).stdout.trim();
const LIST = "ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d '\\n'";

async function start(...args: readonly string[]): Promise<void> {
  await sandbox.create(101, ...args);
  expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
}

describe('--netdev_add', () => {
  it('gives an interface from before init runs until the container stops', { tags: ['slow'] }, async () => {
    await start('--netdev_add', 'given');
    expect(await links()).toBe(' lo other');
    await inside('ip addr add 192.0.2.2/24 dev given; ip link set given up');
    await onHost('ip addr add 192.0.2.1/24 dev other');
    expect(await inside('ping -c 1 -W 2 192.0.2.1 >/dev/null && echo answered')).toBe('answered');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0, stderr: '' });
    expect(await links()).toMatch(/ given/);
  });

  it('gives and takes back live', async () => {
    await start();
    expect(await vzctl('set', '101', '--netdev_add', 'given', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(LIST)).toContain('given');
    expect(await links()).toBe(' lo other');
    expect(await vzctl('set', '101', '--netdev_del', 'given', '--save')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await inside(LIST)).not.toContain('given');
    expect(await links()).toMatch(/ given/);
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8')).not.toContain('NETDEV');
  });

  it('gets it back under its own name, whatever the guest has made of it', { tags: ['slow'] }, async () => {
    await start('--netdev_add', 'given');
    await inside('ip link set given name mine && ip link add given type dummy || true');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0, stderr: '' });
    expect(await links()).toMatch(/ given/);
  });

  it('gets it back when the guest powers off, or is killed', async () => {
    await start('--netdev_add', 'given');
    await inside('poweroff -f');
    await expect.poll(async () => (await vzctl('status', '101')).stdout, { timeout: 10_000 }).toMatch(/down/);
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0 });
    // Whoever changes the container next finds out.
    expect(await vzctl('start', '101')).toMatchObject({ code: 0 });
    expect(await inside(LIST)).toContain('given');
    expect(await vzctl('stop', '101', '--fast')).toMatchObject({ code: 0, stderr: '' });
    expect(await links()).toMatch(/ given/);
  });

  it('says which interface is not there, and starts nothing', { tags: ['slow'] }, async () => {
    await sandbox.create(101, '--netdev_add', 'given', '--netdev_add', 'absent');
    expect(await vzctl('start', '101')).toMatchObject({
      code: 104,
      stderr: "cannot give away network interface 'absent': this host has no such interface\n",
    });
    expect(await links()).toMatch(/ given/);
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down\n');
  });

  it('warns of one that is gone when it is to come back', { tags: ['slow'] }, async () => {
    await start('--netdev_add', 'given');
    await inside('ip link del given');
    const { code, stderr } = await vzctl('stop', '101');
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("network interface 'given' did not come back"),
    ]);
  });

  it.each(['netdev.kept', 'netdev.moved', 'start.recorded', 'start.done'])(
    'killed at %s: the interface is back after the next verb',
    { tags: ['slow'] },
    async (point) => {
      await sandbox.create(101, '--netdev_add', 'given');
      expect((await vzctlWith({ CELLA_FAULT: point }, ['start', '101'])).signal).not.toBe(null);
      await vzctl('stop', '101', '--fast');
      expect(await vzctl('set', '101', '--description', 'x', '--save')).toMatchObject({ code: 0 });
      expect(await links()).toMatch(/ given/);
    },
  );
});
