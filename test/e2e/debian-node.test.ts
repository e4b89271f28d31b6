/** Debian's own package of Node.js, which is built otherwise than the releases of nodejs.org. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { CLI } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['debian-node'], keep: [101] });

it('runs a whole life of a container', async () => {
  const run = async (tool: string, ...args: readonly string[]): Promise<string> =>
    (
      await promisify(execFile)('/usr/bin/node', [
        `${CLI}${tool}.cjs`,
        '--root-dir',
        sandbox.rootDir,
        ...args,
      ])
    ).stdout;
  await run('vzctl', 'create', '101', '--ostemplate', 'busybox', '--hostname', 'debian.example');
  await run('vzctl', 'start', '101', '--wait');
  expect(await run('vzctl', 'exec', '101', 'hostname')).toBe('debian.example\n');
  expect(await run('vzlist', '-H', '-o', 'ctid,status,hostname')).toMatch(/101 running\s+debian\.example/);
  await run('vzctl', 'stop', '101');
  await run('vzctl', 'destroy', '101');
  expect(await run('vzctl', 'status', '101')).toBe('CTID 101 deleted unmounted down\n');
});
