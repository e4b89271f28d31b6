import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { inotifyInstances, inotifyRoom } from '../../../src/host/inotify.js';

it('counts inotify instances of processes, those of the host among what it has left', async () => {
  const script = "require('node:fs').watch('/tmp'); console.log('watching')";
  const watcher = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(watcher.stdout, 'data');
    expect(await inotifyInstances([watcher.pid ?? 0])).toBe(1);
    const room = await inotifyRoom();
    expect(room?.free).toBeLessThan(room?.total ?? 0);
  } finally {
    watcher.kill('SIGKILL');
    await once(watcher, 'close');
  }
  expect(await inotifyInstances([watcher.pid ?? 0])).toBe(0);
});
