/** clone and compact: a container twice, whatever holds it; blocks that nobody uses go back to the host. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Kind, onBtrfs, QUOTA } from '../helpers/layouts.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const KINDS: readonly Kind[] = [QUOTA];
/** What the host lane has as well. */
const OTHERS: readonly Kind[] = [
  { layout: 'overlay:image' },
  { layout: 'overlay:directory' },
  { layout: 'plain:directory' },
  { layout: 'plain:image' },
  onBtrfs('overlay:btrfs'),
];

const MIB = 1 << 20;

let sandbox: Sandbox;
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const exec = async (ctid: string, command: string): Promise<string> =>
  (await vzctl('exec', ctid, command)).stdout;

function useOwn({ on, needs = [] }: Omit<Kind, 'layout'> = {}): void {
  const own = useSandbox({ on, needs, clear: [101, 102], inProcess: true });
  beforeAll(() => {
    sandbox = own;
  });
}

function describeClone(kind: Kind): void {
  useOwn(kind);

  it('has what the first one had, and goes its own way', async () => {
    await sandbox.create(101, '--layout', kind.layout, '--diskspace', '64M', '--name', 'first');
    await vzctl('start', '101', '--wait');
    await exec(
      '101',
      'cd /root; echo one > file; ln file link; chown 33:44 file; rm /etc/shells; rm -r /var',
    );
    await exec('101', 'mkdir /var; echo x >> /etc/passwd');
    await vzctl('stop', '101', '--fast');
    expect(await vzctl('clone', '101', '102')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: 'Container 102 was cloned from 101\n',
    });
    const look =
      'cd /root; cat link; stat -c "%u:%g %h" file; ls /var /etc/shells 2>/dev/null; tail -n 1 /etc/passwd';
    for (const ctid of ['101', '102']) {
      expect(await vzctl('start', ctid, '--wait')).toMatchObject({ code: 0, stderr: '' });
      expect(await exec(ctid, look)).toBe('one\n33:44 2\n/var:\nx\n');
    }
    await exec('102', 'echo two > /root/file; echo more > /root/other');
    expect(await exec('101', 'cat /root/file; ls /root')).toBe('one\nfile\nlink\n');
    expect(await exec('102', 'cat /root/link')).toBe('two\n');
    const idMap = await Promise.all(['101', '102'].map((ctid) => exec(ctid, 'cat /proc/self/uid_map')));
    expect(idMap[0]).not.toBe(idMap[1]);
    expect(await vzctl('restart', '102', '--wait')).toMatchObject({ code: 0 });
    expect(await exec('102', 'cat /root/link')).toBe('two\n');
  });
}

describe.each(KINDS)('a clone of $layout', describeClone);
describe.each(OTHERS)('a clone of $layout', { tags: ['slow'] }, describeClone);

describe('clone', { tags: ['slow'] }, () => {
  useOwn();

  it('leaves the name with the first one, and keeps its other settings', async () => {
    await sandbox.create(101, '--name', 'first', '--hostname', 'web.example.org', '--ram', '64M');
    expect(await vzctl('clone', 'first', '102')).toMatchObject({ code: 0 });
    const config = readFileSync(`${sandbox.rootDir}/etc/vz/conf/102.conf`, 'utf8');
    expect(config).toContain('HOSTNAME="web.example.org"\n');
    expect(config).not.toContain('NAME="first"');
    expect(await vzctl('status', 'first')).toMatchObject({ stdout: 'CTID 101 exist unmounted down\n' });
  });

  it('refuses what runs, what is there already, and what is not there', async () => {
    await sandbox.create(101);
    await sandbox.create(102);
    expect(await vzctl('clone', '101', '102')).toMatchObject({
      code: 44,
      stderr: 'container 102 exists already\n',
    });
    expect(await vzctl('clone', '101', '101')).toMatchObject({ code: 44 });
    expect(await vzctl('clone', '101', '7')).toMatchObject({ code: 21 });
    expect(await vzctl('clone', '103', '104')).toMatchObject({
      code: 14,
      stderr: 'container 103 does not exist\n',
    });
    await vzctl('start', '101');
    expect(await vzctl('clone', '101', '103')).toMatchObject({
      code: 32,
      stderr: 'container 101 is running\nStop it first: vzctl stop 101\n',
    });
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/private`).sort()).toEqual(['101', '102']);
  });

  it.each(['create.intent', 'create.staged', 'create.private'])(
    'killed at %s: the next one succeeds',
    async (point) => {
      await sandbox.create(101);
      expect(await sandbox.vzctl(['clone', '101', '102'], { env: { CELLA_FAULT: point } })).toMatchObject({
        signal: 'SIGKILL',
      });
      expect(await vzctl('status', '102')).toMatchObject({ stdout: 'CTID 102 deleted unmounted down\n' });
      expect(await vzctl('clone', '101', '102')).toMatchObject({ code: 0 });
      expect(await vzctl('start', '102')).toMatchObject({ code: 0 });
    },
  );
});

describe('compact', { tags: ['slow'] }, () => {
  useOwn();
  const held = (): number => statSync(`${sandbox.rootDir}/var/lib/vz/private/101/disk.img`).blocks * 512;

  it.each([['running'], ['stopped']])(
    'gives back what a %s container holds and does not use',
    async (state) => {
      await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '128M');
      await vzctl('start', '101');
      await exec('101', 'dd if=/dev/zero of=/root/large bs=1M count=48; sync; rm /root/large; sync');
      if (state === 'stopped') await vzctl('stop', '101', '--fast');
      expect(held()).toBeGreaterThan(48 * MIB);
      const { code, stdout } = await vzctl('compact', '101');
      expect({ code, given: Number(/^(\d+) MiB were given back\n$/.exec(stdout)?.[1]) >= 47 }).toEqual({
        code: 0,
        given: true,
      });
      expect(held()).toBeLessThan(16 * MIB);
      expect((await vzctl('status', '101')).stdout).toContain(
        state === 'running' ? 'mounted running' : 'unmounted',
      );
    },
  );

  it('says of a container in a directory that there is nothing to give back', async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    expect(await vzctl('compact', '101')).toMatchObject({
      code: 151,
      stderr: 'container 101 is in no disk image: it holds no unused blocks\n',
    });
  });
});
