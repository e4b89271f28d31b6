/** What a container sees of itself in /proc, through lxcfs: at its start, on request, and whatever becomes of lxcfs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { eventually, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('lxcfs');
const sandbox = useSandbox({ clear: [101, 102] });
let lxcfs: ChildProcess | undefined;

const place = (): string => `${sandbox.rootDir}/var/lib/lxcfs`;

async function beginLxcfs(): Promise<void> {
  mkdirSync(place(), { recursive: true });
  lxcfs = spawn('lxcfs', ['-f', '-l', '-p', `${sandbox.rootDir}/lxcfs.pid`, place()], { stdio: 'ignore' });
  await eventually(() => expect(readFileSync(`${place()}/proc/meminfo`, 'utf8')).toMatch(/^MemTotal/));
}

/** It ends as when it crashes; its dead mount stays unless it is taken away. */
async function endLxcfs(): Promise<void> {
  lxcfs?.kill('SIGKILL');
  if (lxcfs) await once(lxcfs, 'exit');
  lxcfs = undefined;
}

beforeEach(beginLxcfs);
afterEach(async () => {
  await endLxcfs();
  await sandbox.shell('while umount -l "$1" 2>/dev/null; do :; done', place());
});

const inside = async (command: string, ctid = 101): Promise<string> =>
  (await sandbox.vzctl(['exec2', String(ctid), command])).stdout.trim();
const total = (): Promise<string> => inside('sed -n "s/^MemTotal: *//p" /proc/meminfo');
const OWN = '65536 kB';

describe('a container', () => {
  it('sees its own memory, processors and uptime', async () => {
    await sandbox.create(101, '--ram', '64M', '--swap', '0', '--cpus', '1');
    await sandbox.good('start', '101', '--wait');
    expect(await total()).toBe(OWN);
    expect(
      await inside('nproc; grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online'),
    ).toMatch(/^1\n1\n\d+$/);
    expect(await inside('grep -c "^cpu[0-9]" /proc/stat')).toBe('1');
    expect(Number(await inside('cut -d. -f1 /proc/uptime'))).toBeLessThan(600);
    expect(await inside('wc -l < /proc/swaps')).toBe('1');
    // It is not to be written to, nor taken for more than it is.
    expect(await inside('echo x > /proc/meminfo; ls /proc/self/status')).toBe('/proc/self/status');
  });

  it('follows its limits, and sees the host on request, while it runs', async () => {
    await sandbox.create(101, '--ram', '64M');
    await sandbox.good('start', '101', '--wait');
    await sandbox.good('set', '101', '--ram', '32M', '--save');
    expect(await total()).toBe('32768 kB');
    const host = /^MemTotal: *(.*)$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    await sandbox.good('set', '101', '--proc_view', 'no', '--save');
    expect(await total()).toBe(host);
    expect(await inside('grep -c lxcfs /proc/mounts')).toBe('0');
    await sandbox.good('set', '101', '--proc_view', 'yes', '--save');
    expect(await total()).toBe('32768 kB');
    await sandbox.good('restart', '101', '--wait');
    expect(await total()).toBe('32768 kB');
  });

  it('starts without lxcfs, and with one that is dead', async () => {
    await endLxcfs();
    await sandbox.create(101, '--ram', '64M');
    await sandbox.good('start', '101', '--wait');
    expect(await total()).not.toBe(OWN);
  });

  it('whose own containers are to mount /proc has no view in front of it', async () => {
    await sandbox.create(101, '--ram', '64M', '--features', 'nesting:on');
    await sandbox.good('start', '101', '--wait');
    expect(await inside('grep -c lxcfs /proc/mounts')).toBe('0');
  });
});

describe('with the node service', () => {
  it('keeps working when lxcfs dies or hangs, and sees its own again when it is back', async () => {
    await sandbox.create(101, '--ram', '64M');
    await sandbox.good('start', '101', '--wait');
    const service = await Service.start(sandbox);
    try {
      await endLxcfs();
      await eventually(async () => expect(await total()).toMatch(/^\d+ kB$/));
      expect(await total()).not.toBe(OWN);
      await sandbox.shell('umount -l "$1"', place());
      await beginLxcfs();
      await eventually(async () => expect(await total()).toBe(OWN));
      // A start does not wait for one that says nothing.
      lxcfs?.kill('SIGSTOP');
      await sandbox.create(102, '--ram', '64M');
      await sandbox.good('start', '102', '--wait');
      expect(await inside('grep -c lxcfs /proc/mounts', 102)).toBe('0');
      lxcfs?.kill('SIGCONT');
      await eventually(async () => expect(await total()).toBe(OWN));
    } finally {
      lxcfs?.kill('SIGCONT');
      for (const ctid of ['101', '102']) await sandbox.vzctl(['stop', ctid, '--fast']);
      await service.kill('SIGTERM');
      await untilKeeperIsGone(sandbox);
    }
  });
});
