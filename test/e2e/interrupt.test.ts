/** Ctrl-C and its kin, sent to the built command line while it works. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);

/** Settles when the guest has begun to shut down, for the 30 seconds that this takes. */
async function hangingStop() {
  await sandbox.create(101);
  await vzctl('start', '101', '--wait');
  await vzctl(
    'exec',
    '101',
    "printf '#!/bin/sh\\ntouch /run/asked; exec sleep 30' > /etc/rc.shutdown; chmod +x /etc/rc.shutdown",
  );
  const stop = sandbox.spawn('vzctl', ['stop', '101']);
  await expect
    .poll(() => vzctl('exec2', '101', 'test -e /run/asked').then(({ code }) => code), { timeout: 10_000 })
    .toBe(0);
  return stop;
}

describe('a stop that waits for a guest', { tags: ['slow'] }, () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'ends at %s with status %i; the container still runs, and its lock is free',
    async (name, code) => {
      const stop = await hangingStop();
      stop.child.kill(name);
      expect(await stop.ended).toMatchObject({ code, signal: null, stderr: 'interrupted\n' });
      expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist mounted running\n');
      expect(await vzctl('stop', '101', '--fast')).toMatchObject({ code: 0, stderr: '' });
    },
  );
});

const mapsAddon = (pid: number | undefined): boolean =>
  readFileSync(`/proc/${pid}/maps`, 'utf8').includes('cella.node');

describe('a command that waits for the lock', { tags: ['slow'] }, () => {
  it('ends at SIGINT without having changed anything', async () => {
    const stop = await hangingStop();
    const waiting = sandbox.spawn('vzctl', ['set', '101', '--hostname', 'other', '--save']);
    // The first that it wants of the addon is the lock; by then it catches signals.
    await expect.poll(() => mapsAddon(waiting.child.pid), { timeout: 20_000, interval: 10 }).toBe(true);
    waiting.child.kill('SIGINT');
    const { code, stderr } = await waiting.ended;
    stop.child.kill('SIGINT');
    await stop.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'interrupted\n' });
    expect((await sandbox.run('vzlist', ['-H', '-o', 'hostname', '101'])).stdout.trim()).toBe('-');
  });
});

describe('exec', () => {
  it('passes SIGTERM on to the command, and tells its status', async () => {
    await sandbox.create(101);
    await vzctl('start', '101', '--wait');
    const trap = "trap 'echo told; exit 4' TERM; echo ready; while :; do sleep 0.1; done";
    const command = sandbox.spawn('vzctl', ['exec2', '101', trap]);
    await new Promise((resolve) => command.child.stdout?.once('data', resolve));
    command.child.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ code: 4, signal: null, stdout: 'ready\ntold\n' });
  });
});
