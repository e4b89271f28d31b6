/** run: one command in a container of its own, which is gone with it; diff: what a container changed. */
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 1_000_000] });
const run = (...args: readonly string[]) => sandbox.run('cella', ['run', ...args]);
const left = (): readonly string[] =>
  ['/etc/vz/conf', '/var/lib/vz/private', '/var/lib/vz/root', '/run/vz']
    .flatMap((path) => (existsSync(sandbox.rootDir + path) ? readdirSync(sandbox.rootDir + path) : []))
    .filter((name) => /\d/.test(name) && !/(-sample|\.destroyed)$/.test(name));

it('gives what the command says and how it ended, and leaves nothing', async () => {
  expect(await run('--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toMatchObject({
    code: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(left()).toEqual([]);
});

it('hands on standard input, variables, a user and a directory', { tags: ['slow'] }, async () => {
  const piped = await sandbox.run('cella', ['run', '--rm', 'busybox', 'cat'], { input: 'through\n' });
  expect(piped).toMatchObject({ code: 0, stdout: 'through\n' });
  const script =
    'echo "$A $(id -u):$(id -g) $(pwd)"; echo x > /dev/stdout; cat /proc/1/cmdline | tr "\\0" " "';
  expect(
    await run('--rm', '-e', 'A=b c', '-u', '1000:2000', '-w', '/tmp', 'busybox', 'sh', '-c', script),
  ).toMatchObject({ code: 0, stdout: expect.stringMatching(/^b c 1000:2000 \/tmp\nx\nsh -c /) as string });
});

it('tells what was changed', { tags: ['slow'] }, async () => {
  const script = 'echo x > /root/new; rm /etc/shells; echo y >> /etc/passwd; mkdir /srv/d';
  const { code, stdout } = await run('--rm', '--diff', 'busybox', 'sh', '-c', script);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  for (const line of ['A /root/new', 'D /etc/shells', 'C /etc/passwd']) expect(lines).toContain(line);
  expect(lines).not.toContain('C /bin');
  expect(left()).toEqual([]);
});

it('keeps the container where nothing else is asked for', { tags: ['slow'] }, async () => {
  const { code, stderr } = await run('--ctid', '101', 'busybox', 'sh', '-c', 'echo kept > /root/file');
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'Container 101 was kept\n' });
  expect(await sandbox.run('cella', ['diff', '101'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('A /root/file\n') as string,
  });
  const asJson = await sandbox.run('cella', ['diff', '--json', '101']);
  expect(JSON.parse(asJson.stdout)).toContainEqual({ kind: 'added', path: '/root/file' });
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0 });
  expect(await sandbox.vzctl(['exec', '101', 'cat /root/file'])).toMatchObject({ stdout: 'kept\n' });
});

it.each(['overlay:directory', 'overlay:image'])(
  'tells of changes in all layers that snapshots made of %s',
  { tags: ['slow'] },
  async (layout) => {
    const change = async (command: string): Promise<void> => {
      expect(await sandbox.vzctl(['start', '101'])).toMatchObject({ code: 0 });
      expect(await sandbox.vzctl(['exec', '101', command])).toMatchObject({ code: 0 });
      expect(await sandbox.vzctl(['stop', '101', '--fast'])).toMatchObject({ code: 0 });
    };
    await sandbox.create(101, '--layout', layout, '--diskspace', '64M');
    expect(await sandbox.run('cella', ['diff', '101'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await change(
      'cd /root; echo 1 > kept; echo 1 > gone; mkdir d e; echo 1 > d/x; echo 1 > e/y; rm /etc/hosts',
    );
    expect(await sandbox.vzctl(['snapshot', '101'])).toMatchObject({ code: 0 });
    await change(
      'cd /root; rm gone; rm -r d e; mkdir d; echo 2 > d/z; echo x > /etc/hosts; rm -r /etc/init.d',
    );
    expect(await sandbox.vzctl(['snapshot', '101'])).toMatchObject({ code: 0 });
    await change('mkdir /etc/init.d; echo new > /etc/init.d/new');
    const { code, stdout } = await sandbox.run('cella', ['diff', '101']);
    expect(code).toBe(0);
    const lines = stdout.split('\n').filter((line) => /root|hosts|init\.d/.test(line));
    expect(lines).toEqual([
      'C /etc/hosts',
      'C /etc/init.d',
      'A /etc/init.d/new',
      'D /etc/init.d/rcK',
      'D /etc/init.d/rcS',
      'C /root',
      'A /root/d',
      'A /root/d/z',
      'A /root/kept',
    ]);
  },
);

it('tells of commands and templates that are not there, and leaves nothing', { tags: ['slow'] }, async () => {
  expect(await run('--rm', 'busybox', 'nosuch')).toMatchObject({ code: 127 });
  expect(await run('--rm', 'busybox', '/etc/passwd')).toMatchObject({ code: 126 });
  expect(await run('--rm', 'nosuch', 'true')).toMatchObject({ code: 91 });
  expect(await run('--rm', 'busybox')).toMatchObject({ code: 27 });
  expect(await run('--rm', '-u', 'nobody-here', 'busybox', 'true')).toMatchObject({ code: 21 });
  expect(await run('--rm', '-w', 'tmp', 'busybox', 'true')).toMatchObject({ code: 21 });
  await sandbox.create(101, '--layout', 'plain:directory');
  expect(await sandbox.run('cella', ['diff', '101'])).toMatchObject({ code: 21 });
  await sandbox.vzctl(['destroy', '101']);
  expect(left()).toEqual([]);
});

it.each(['SIGTERM', 'SIGINT'] as const)(
  'ends on %s, and with that signal',
  { tags: ['slow'] },
  async (signal) => {
    const running = sandbox.spawn('cella', ['run', '--rm', 'busybox', 'sh', '-c', 'echo up; sleep 60']);
    await new Promise((resolve) => running.child.stdout?.once('data', resolve));
    running.child.kill(signal);
    const { code } = await running.ended;
    expect(code).toBe(signal === 'SIGTERM' ? 143 : 130);
    expect(left()).toEqual([]);
  },
);

it('goes with the runtime, whatever ends that; the next one clears up', { tags: ['slow'] }, async () => {
  const running = sandbox.spawn('cella', ['run', '--rm', 'busybox', 'sh', '-c', 'echo up; sleep 60']);
  await new Promise((resolve) => running.child.stdout?.once('data', resolve));
  running.child.kill('SIGKILL');
  await running.ended;
  expect(left()).not.toEqual([]);
  await sleep(200);
  const next = await run('--rm', 'busybox', 'echo', 'next');
  expect(next).toMatchObject({ code: 0, stdout: 'next\n' });
  expect(next.stderr).toMatch(
    /^Took away what an interrupted throw-away run of container 1000000 had left\n$/,
  );
  expect(left()).toEqual([]);
});

it.each([
  'run.marked',
  'create.intent',
  'create.private',
  'create.done',
  'start.prepared',
  'start.recorded',
  'start.done',
  'run.running',
  'run.ended',
  'run.removed',
])('killed at %s it leaves what the next one takes away', { tags: ['slow'] }, async (point) => {
  const killed = await sandbox.run('cella', ['run', '--rm', 'busybox', 'true'], {
    env: { CELLA_FAULT: point },
  });
  expect(killed).toMatchObject({ signal: 'SIGKILL' });
  await sleep(200);
  expect(await run('--rm', 'busybox', 'echo', 'next')).toMatchObject({ code: 0, stdout: 'next\n' });
  expect(left()).toEqual([]);
});

it('runs several at a time', { tags: ['slow'] }, async () => {
  const all = await Promise.all(
    [1, 2, 3, 4].map((i) => run('--rm', 'busybox', 'sh', '-c', `sleep 0.3; echo ${i}`)),
  );
  expect(all.map(({ stdout }) => stdout)).toEqual(['1\n', '2\n', '3\n', '4\n']);
  expect(left()).toEqual([]);
});
