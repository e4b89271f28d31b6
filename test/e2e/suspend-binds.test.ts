/** Bind mounts of a suspended container: the same directories and files are there again, with open files in them. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'], clear: [101] });
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const inside = async (command: string): Promise<string> =>
  (await vzctl('exec', '101', command)).stdout.trim();

let data: string;
beforeEach(() => {
  data = `${sandbox.rootDir}/data`;
  mkdirSync(`${data}/sub`, { recursive: true });
  writeFileSync(`${data}/file`, 'of the host\n');
});
afterEach(() => rmSync(data, { recursive: true }));

const BINDS = () => [
  `${data}:/srv/deep/data`,
  `${data}/sub:/srv/read,ro,noexec`,
  `${data}/file:/etc/one`,
  '/var/kept',
];
/** Writes to files that it has open in two of them. */
const WRITER =
  '(exec 3>>/srv/deep/data/log 4>>/var/kept/log; while :; do echo x >&3; echo y >&4; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.3';
const LOOK =
  'cat /srv/deep/data/file /etc/one; stat -c %u:%g /srv/deep/data /var/kept; touch /srv/read/x 2>&1; grep -E " /(srv|etc|var)" /proc/self/mountinfo | cut -d" " -f5,6 | sort';
const lines = async (path: string): Promise<number> => Number(await inside(`wc -l <${path}`));

it('shows the same, round after round', async () => {
  await sandbox.create(101, ...BINDS().flatMap((bind) => ['--bindmount_add', bind]));
  await sandbox.good('start', '101', '--wait');
  await inside(WRITER);
  const before = await inside(LOOK);
  expect(before).toContain('Read-only');
  for (let round = 0; round < 3; round += 1) {
    await sandbox.good('suspend', '101');
    await sandbox.good('resume', '101');
    expect(await inside(LOOK)).toBe(before);
    const [host, own] = [await lines('/srv/deep/data/log'), await lines('/var/kept/log')];
    await expect.poll(() => lines('/srv/deep/data/log'), { timeout: 20_000 }).toBeGreaterThan(host);
    await expect.poll(() => lines('/var/kept/log'), { timeout: 20_000 }).toBeGreaterThan(own);
    expect(existsSync(`${sandbox.rootDir}/run/vz.binds/101`)).toBe(false);
  }
  await inside('echo written >/srv/deep/data/new');
  expect(readFileSync(`${data}/new`, 'utf8')).toBe('written\n');
});

it('comes and goes after that as before', { tags: ['slow'] }, async () => {
  await sandbox.create(101, '--bindmount_add', `${data}:/srv/a`);
  await sandbox.good('start', '101', '--wait');
  await sandbox.good('suspend', '101');
  await sandbox.good('resume', '101');
  expect(
    await vzctl('set', '101', '--bindmount_add', `${data}/sub:/srv/b`, '--bindmount_del', '/srv/a', '--save'),
  ).toMatchObject({ code: 0 });
  expect(await inside('ls /srv/a; touch /srv/b/x; echo $?')).toBe('0');
  await sandbox.good('suspend', '101');
  await sandbox.good('resume', '101');
  expect(await inside('ls /srv/b')).toBe('x');
});

it('stays suspended while one of them is not there', { tags: ['slow'] }, async () => {
  await sandbox.create(101, '--bindmount_add', `${data}/sub:/srv/a`);
  await sandbox.good('start', '101', '--wait');
  await sandbox.good('suspend', '101');
  rmSync(`${data}/sub`, { recursive: true });
  const { code, stderr } = await vzctl('resume', '101');
  expect(code).not.toBe(0);
  expect(stderr).toContain(`${data}/sub`);
  mkdirSync(`${data}/sub`);
  await sandbox.good('resume', '101');
  expect(await inside('touch /srv/a/x; ls /srv/a')).toBe('x');
});
