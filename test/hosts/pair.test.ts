/** Two guests as two hosts: each its own machine, in reach of the other and of nothing else. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { CLI } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const PEER = process.env.CELLA_TEST_PEER ?? '';
const THERE = '/var/tmp/cella-pair';

const execute = promisify(execFile);
const here = async (command: string): Promise<string> => (await execute('sh', ['-c', command])).stdout.trim();
const there = async (command: string): Promise<string> =>
  (await execute('ssh', [PEER, command])).stdout.trim();

describe('two hosts', () => {
  it('enter each other by ssh as root', async () => {
    expect(await there('hostname; id -u')).toBe('vm2\n0');
    expect(await there('ssh vm1 hostname')).toBe('vm1');
  });

  it('are two machines of the same kind', async () => {
    for (const file of [
      '/etc/machine-id',
      '/proc/sys/kernel/random/boot_id',
      '/sys/class/net/enp0s3/address',
    ])
      expect(await there(`cat ${file}`), file).not.toBe(readFileSync(file, 'utf8').trim());
    expect(await there('uname -r; criu --version')).toBe(await here('uname -r; criu --version'));
  });

  it('have no way out of their own network', async () => {
    for (const routes of [await here('ip route'), await there('ip route')]) {
      expect(routes).toMatch(/^10\.77\.0\.0\/24 /m);
      expect(routes).not.toContain('default');
    }
  });
});

describe('containers of one number on two hosts', () => {
  const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
  const vzctl = (...args: readonly string[]) =>
    there(`cd /srv/cella; .node/node ${CLI}vzctl.cjs --root-dir ${THERE} ${args.join(' ')}`);

  beforeAll(() => vzctl('setup'));
  afterAll(() => vzctl('stop 101 --fast; rm -rf --one-file-system', THERE));

  it('live side by side', async () => {
    await sandbox.create(101, '--hostname', 'first.example');
    expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0 });
    await vzctl('create 101 --ostemplate busybox --hostname second.example');
    await vzctl('start 101 --wait');
    expect((await sandbox.vzctl(['exec', '101', 'hostname'])).stdout).toBe('first.example\n');
    expect(await vzctl('exec 101 hostname')).toBe('second.example');
  });
});
