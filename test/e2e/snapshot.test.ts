/** Snapshots: states to go back to, whatever holds the private area; killed anywhere, the old or the new state is there. */
import { readdirSync, readFileSync } from 'node:fs';
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
  onBtrfs('plain:btrfs'),
];

let sandbox: Sandbox;
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const exec = async (command: string): Promise<string> => (await vzctl('exec', '101', command)).stdout;

function useOwn({ on, needs = [] }: Omit<Kind, 'layout'> = {}): void {
  const own = useSandbox({ on, needs, clear: [101, 102], inProcess: true });
  beforeAll(() => {
    sandbox = own;
  });
}

const id = (digit: number): string => `${`${digit}`.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
const take = async (digit: number, ...args: readonly string[]): Promise<void> => {
  const words = ['snapshot', '101', '--id', id(digit), '--skip-suspend', ...args];
  expect(await vzctl(...words)).toMatchObject({ code: 0, stderr: '' });
};
const goTo = async (digit: number): Promise<void> => {
  expect(await vzctl('snapshot-switch', '101', '--id', id(digit))).toMatchObject({ code: 0, stderr: '' });
};
const drop = async (digit: number): Promise<void> => {
  expect(await vzctl('snapshot-delete', '101', '--id', id(digit))).toMatchObject({ code: 0, stderr: '' });
};
/** Runs a command in the container, which is stopped before and afterwards. */
const change = async (command: string, stderr: unknown = ''): Promise<string> => {
  expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr });
  const said = await exec(command);
  expect(await vzctl('stop', '101', '--fast')).toMatchObject({ code: 0 });
  return said;
};
const area = (): readonly string[] => readdirSync(`${sandbox.rootDir}/var/lib/vz/private/101`).sort();

function describeSnapshots(kind: Kind): void {
  useOwn(kind);
  const create = () => sandbox.create(101, '--layout', kind.layout, '--diskspace', '128M');

  it('goes back and forth between states of a stopped container', async () => {
    await create();
    const before = area();
    await change(
      'cd /root; echo one > file; ln file link; mkdir d; echo a > d/a; echo b > d/b; rm /etc/shells',
    );
    await take(1, '--name', 'first');
    await change('cd /root; echo two > file; rm -r d; mkdir d; echo c > d/c; chmod 700 d; echo more > new');
    await take(2, '--name', 'second', '--description', 'of two');
    await change('cd /root; rm -r * ; echo three > file');
    const look = 'cd /root; cat file link; ls -d * d/*; stat -c %a d; ls /etc/shells 2>/dev/null';
    const second = 'two\ntwo\nd\nd/c\nfile\nlink\nnew\n700\n';
    await goTo(2);
    expect(await change(look)).toBe(second);
    await goTo(1);
    expect(await change(look)).toBe('one\none\nd\nd/a\nd/b\nfile\nlink\n755\n');
    expect((await vzctl('snapshot-list', '101', '-H', '-o', 'current,uuid,parent_uuid,name')).stdout).toBe(
      `* {${id(1)}} ${' '.repeat(38)} first\n  {${id(2)}} {${id(1)}} second\n`.replace(
        /(first|second)/g,
        '$1',
      ),
    );
    await goTo(2);
    await drop(1);
    await drop(2);
    expect(await change(look)).toBe(second);
    expect((await vzctl('snapshot-list', '101', '-H')).stdout).toBe('');
    // Whatever layers there were, one is left.
    if (kind.layout.startsWith('overlay')) {
      const left = area().filter((name) => name.startsWith('n-') || name === 'upper');
      expect(left.length).toBeLessThanOrEqual(1);
    } else expect(area().length).toBeGreaterThanOrEqual(before.length - 1);
  });

  it('keeps the state of a running container, which goes on', async () => {
    await create();
    await vzctl('start', '101', '--wait');
    await exec(
      'echo kept > /root/file; (while :; do echo x >> /root/log; sleep 0.01; done) >/dev/null 2>&1 & until [ -s /root/log ]; do sleep 0.01; done',
    );
    await take(1);
    const lines = Number(await exec('wc -l < /root/log'));
    await exec('echo lost > /root/file; sleep 0.2');
    expect(Number(await exec('wc -l < /root/log'))).toBeGreaterThan(lines);
    await goTo(1);
    expect(await vzctl('status', '101')).toMatchObject({ stdout: 'CTID 101 exist mounted running\n' });
    expect(await exec('cat /root/file')).toBe('kept\n');
    expect(Number(await exec('wc -l < /root/log'))).toBeLessThanOrEqual(lines);
    expect(await exec('tail -c 2 /root/log')).toBe('x\n');
    await take(2);
    await drop(1);
    await drop(2);
    expect(await exec('cat /root/file')).toBe('kept\n');
  });

  it('shows a snapshot to the host, running or not', { tags: ['slow'] }, async () => {
    await create();
    await change('echo old > /root/file');
    await take(1);
    await vzctl('start', '101', '--wait');
    await exec('echo new > /root/file');
    const target = `${sandbox.rootDir}/mnt`;
    await sandbox.shell('mkdir "$1"', target);
    expect(await vzctl('snapshot-mount', '101', '--id', id(1), '--target', target)).toMatchObject({
      code: 0,
    });
    expect(readFileSync(`${target}/root/file`, 'utf8')).toBe('old\n');
    expect(readdirSync(`${target}/bin`).length).toBeGreaterThan(1);
    await expect(sandbox.shell('touch "$1/x"', target)).rejects.toThrow(/Read-only/);
    expect(await vzctl('snapshot-delete', '101', '--id', id(1))).toMatchObject({ code: 158 });
    expect(await vzctl('restart', '101', '--wait')).toMatchObject({ code: 0 });
    expect(await exec('cat /root/file')).toBe('new\n');
    await vzctl('stop', '101', '--fast');
    expect(await vzctl('destroy', '101')).toMatchObject({ code: 41 });
    expect(await vzctl('snapshot-umount', '101', '--id', id(1))).toMatchObject({ code: 0 });
    expect(await vzctl('snapshot-umount', '101', '--id', id(1))).toMatchObject({ code: 161 });
  });

  it('clones what is there, without the snapshots', { tags: ['slow'] }, async () => {
    await create();
    await change('echo one > /root/file; echo x > /root/other');
    await take(1);
    await change('echo two > /root/file; rm /root/other');
    await take(2);
    await change('mkdir /root/d; echo three > /root/d/x; echo four > /etc/four');
    expect(await vzctl('clone', '101', '102')).toMatchObject({ code: 0, stderr: '' });
    expect(await vzctl('start', '102', '--wait')).toMatchObject({ code: 0 });
    expect((await vzctl('exec', '102', 'cd /root; cat file d/x /etc/four; ls . /etc/init.d')).stdout).toBe(
      'two\nthree\nfour\n.:\nd\nfile\n\n/etc/init.d:\nrcK\nrcS\n',
    );
    expect((await vzctl('snapshot-list', '102', '-H')).stdout).toBe('');
  });
}

describe.each(KINDS)('snapshots of $layout', describeSnapshots);
describe.each(OTHERS)('snapshots of $layout', { tags: ['slow'] }, describeSnapshots);

describe('snapshots', { tags: ['slow'] }, () => {
  useOwn();

  it('keep a file with two names one, though only one of them was written to', async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    await change('cd /root; echo one > a; ln a b; mkdir d; ln a d/c');
    await take(1);
    await change('echo two > /root/a');
    await take(2);
    expect(await change('cd /root; cat b d/c; echo three > b')).toBe('two\ntwo\n');
    await drop(1);
    await drop(2);
    expect(await change('cd /root; cat a b d/c; stat -c %h a')).toBe('three\nthree\nthree\n3\n');
    expect(await vzctl('clone', '101', '102')).toMatchObject({ code: 0 });
  });

  it('bring the config back, but for what lasts', async () => {
    await sandbox.create(101, '--hostname', 'first', '--ram', '64M');
    await take(1);
    await vzctl('set', '101', '--hostname', 'second', '--name', 'box', '--ram', '32M', '--save');
    await take(2, '--skip-config');
    await goTo(1);
    const config = readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8');
    expect(config).toMatch(/HOSTNAME="first"/);
    expect(config).toMatch(/NAME="box"/);
    expect(config).toMatch(/PHYSPAGES="16384:16384"|PHYSPAGES="0:16384"|PHYSPAGES=".*16384.*"/);
    await vzctl('set', '101', '--hostname', 'third', '--save');
    await goTo(2);
    expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8')).toMatch(/HOSTNAME="third"/);
  });

  it('refuse what is not there, and ids that are none', async () => {
    await sandbox.create(101);
    await take(1);
    expect(await vzctl('snapshot', '101', '--id', id(1))).toMatchObject({
      code: 156,
      stderr: `container 101 has a snapshot {${id(1)}} already\n`,
    });
    expect(await vzctl('snapshot', '101', '--id', 'x/../y')).toMatchObject({ code: 21 });
    expect(await vzctl('snapshot-switch', '101', '--id', id(7))).toMatchObject({ code: 159 });
    expect(await vzctl('snapshot-delete', '101', '--id', id(7))).toMatchObject({ code: 158 });
    expect(await vzctl('snapshot-mount', '101', '--id', id(7), '--target', '/mnt')).toMatchObject({
      code: 160,
    });
    expect(await vzctl('snapshot-mount', '101', '--id', id(1), '--target', '/nowhere')).toMatchObject({
      code: 160,
      stderr: "'/nowhere' is not a directory\n",
    });
    expect(await vzctl('snapshot-list', '101', '--id', id(7))).toMatchObject({ code: 167 });
    expect(await vzctl('snapshot-switch', '101', '--id', id(1), '--must-resume')).toMatchObject({
      code: 159,
    });
    expect(await vzctl('snapshot', '103')).toMatchObject({ code: 14 });
  });

  it('leave nothing when no space is left', async () => {
    await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '48M');
    await vzctl('start', '101', '--wait');
    await exec('dd if=/dev/urandom of=/root/large bs=1M count=30; sync');
    const { code, stderr } = await vzctl('snapshot', '101');
    expect({ code, stderr }).toMatchObject({
      code: 156,
      stderr: expect.stringMatching(/[Nn]o space/) as string,
    });
    expect(await exec('wc -c < /root/large')).toBe(`${30 << 20}\n`);
    expect(Number(await exec('df -m / | tail -n 1 | tr -s " " | cut -d " " -f 4'))).toBeGreaterThan(10);
    expect((await vzctl('snapshot-list', '101', '-H')).stdout).toBe('');
  });

  it('go on in a container whose snapshot was killed while it stood still', async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    await vzctl('start', '101', '--wait');
    const killed = await sandbox.vzctl(['snapshot', '101', '--skip-suspend'], {
      env: { CELLA_FAULT: 'snapshot.frozen' },
    });
    expect(killed).toMatchObject({ signal: 'SIGKILL' });
    expect(await exec('echo alive')).toBe('alive\n');
  });
});

const VERBS = ['snapshot', 'snapshot-switch', 'snapshot-delete', 'merge'] as const;
const POINTS = VERBS.flatMap((verb) => ['begun', 'made', 'done'].map((point) => `${verb}.${point}`));

function describeKills(layout: string, points: readonly string[]): void {
  useOwn();

  it.each(points)('at %s: the old state is there or the new one, and nothing else', async (point) => {
    await sandbox.create(101, '--layout', layout, '--diskspace', '64M');
    await change('cd /root; echo one > file; mkdir d; echo 1 > d/x');
    await take(1);
    await change('cd /root; echo two > file; echo 2 > d/y; rm d/x');
    await take(2);
    await change('cd /root; echo three > file; rm d/y; echo 3 > d/z');
    const verb = point.replace(/\..*/, '').replace('merge', 'snapshot-delete');
    const which = verb === 'snapshot' ? 3 : 1;
    const killed = await sandbox.vzctl([verb, '101', '--id', id(which)], { env: { CELLA_FAULT: point } });
    expect(killed).toMatchObject({ signal: 'SIGKILL' });
    const seen = await change(
      'cd /root; cat file; ls d; cat d/*',
      'Took away what an interrupted change of the snapshots of container 101 had left\n',
    );
    const [first, third] = ['one\nx\n1\n', 'three\nz\n3\n'];
    if (verb === 'snapshot-switch') expect([first, third]).toContain(seen);
    else expect(seen).toBe(third);
    await goTo(2);
    expect(await change('cd /root; cat file; ls d; cat d/*')).toBe('two\ny\n2\n');
    await vzctl('snapshot-delete', '101', '--id', id(1));
    await vzctl('snapshot-delete', '101', '--id', id(3));
    await drop(2);
    expect(await change('cd /root; cat file; ls d; cat d/*')).toBe('two\ny\n2\n');
    const nodes = area().filter((name) => /^(n-|upper$|root$)/.test(name));
    if (layout !== 'overlay:image') expect(nodes.length).toBe(1);
  });
}

/** What the VM lane has of them: an emulated processor takes its time. */
const SOME = ['merge.made'];

describe('killed in the middle, overlay:image', { tags: ['slow'] }, () =>
  describeKills('overlay:image', SOME),
);
describe.each([
  { layout: 'overlay:image', points: POINTS.filter((point) => !SOME.includes(point)) },
  { layout: 'overlay:directory', points: POINTS },
  { layout: 'plain:directory', points: POINTS.filter((point) => !point.startsWith('merge')) },
])('killed in the middle, $layout', { tags: ['slow'] }, ({ layout, points }) =>
  describeKills(layout, points),
);
