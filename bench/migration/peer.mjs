/** The same program by CRIU alone: dumped, its images copied, and restored from the copy. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findCriu } from '../../dist/host/criu/find.js';

const execute = promisify(execFile);

export async function beginPeer({ directory, holder }, mib, rate) {
  const { program } = await findCriu();
  const at = `${directory}/peer`;
  rmSync(at, { recursive: true, force: true });
  mkdirSync(at);
  const told = `${at}/told`;
  const read = () => readFileSync(told, 'utf8');
  // A child of ours or of CRIU's: whoever else may take its time to notice that it has ended, and its number is needed again.
  let { pid } = spawn(holder, [String(mib), String(rate), told], { detached: true, stdio: 'ignore' });
  while (!existsSync(told)) await sleep(100);
  return {
    told: async () => read(),
    move: async () => {
      for (const name of ['images', 'copy']) rmSync(`${at}/${name}`, { recursive: true, force: true });
      mkdirSync(`${at}/images`);
      await execute(program, [
        'dump',
        '--tree',
        String(pid),
        '--images-dir',
        `${at}/images`,
        '--log-file',
        'log',
      ]);
      await execute('cp', ['-r', `${at}/images`, `${at}/copy`]);
      const before = read().length;
      const restore = ['restore', '--images-dir', `${at}/copy`, '--log-file', 'log'];
      let failed = false;
      spawn(program, restore, { stdio: 'ignore' }).on('exit', (code) => (failed = code !== 0 && pid > 0));
      while (read().length === before) {
        if (failed) throw new Error(readFileSync(`${at}/copy/log`, 'utf8'));
        await sleep(5);
      }
      const { stdout } = await execute('du', ['--bytes', '--summarize', `${at}/copy`]);
      return { sent: Number.parseInt(stdout, 10), memory: [] };
    },
    end: async () => {
      const last = pid;
      pid = 0;
      if (existsSync(`/proc/${last}`)) process.kill(last, 'SIGKILL');
      while (existsSync(`/proc/${last}`)) await sleep(50);
    },
  };
}
