/** Snapshots with processes: what ran goes on as it was then, with the files that it had; and the container itself goes on. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Kind, onBtrfs, QUOTA } from '../helpers/layouts.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const KINDS: readonly Kind[] = [{ layout: 'overlay:image' }];
const OTHERS: readonly Kind[] = [
  { layout: 'overlay:directory' },
  { layout: 'plain:directory' },
  { layout: 'plain:image' },
  QUOTA,
  onBtrfs('overlay:btrfs'),
  onBtrfs('plain:btrfs'),
];

let sandbox: Sandbox;
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const exec = async (command: string): Promise<string> => (await vzctl('exec', '101', command)).stdout.trim();
const status = async (): Promise<string> => (await vzctl('status', '101')).stdout.trim();
const area = (): string => `${sandbox.rootDir}/var/lib/vz/private/101`;
const states = (): readonly string[] => (existsSync(`${area()}/dump`) ? readdirSync(`${area()}/dump`) : []);
const dumps = (): readonly string[] =>
  existsSync(`${sandbox.rootDir}/var/lib/vz/dump`) ? readdirSync(`${sandbox.rootDir}/var/lib/vz/dump`) : [];
const record = () => JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/101.json`, 'utf8'));

const SOON = { timeout: 20_000 };
const STOPPED = 'CTID 101 exist unmounted down';
const SUSPENDED = `${STOPPED} suspended`;
const RUNNING = 'CTID 101 exist mounted running';
const QUIET = { code: 0, stderr: '' };

const id = (digit: number): string => `${`${digit}`.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
const take = async (digit: number, ...args: readonly string[]): Promise<void> => {
  expect(await vzctl('snapshot', '101', '--id', id(digit), ...args)).toMatchObject(QUIET);
};
const goTo = (digit: number, ...args: readonly string[]) =>
  vzctl('snapshot-switch', '101', '--id', id(digit), ...args);

/** It counts in memory, and writes that into a file: both are to be of one moment. */
const COUNTER = `(i=0; exec 3>/root/count; rm /root/gone 2>/dev/null; while :; do
  i=$((i + 1)); echo $i >&3; echo $i >/run/count; sleep 0.02; done) </dev/null >/dev/null 2>&1 &
  echo $! >/run/counter; sleep 0.3`;
const counted = async () =>
  (await exec('tail -n 1 /root/count; wc -l </root/count; cat /run/count')).split('\n').map(Number);

function useOwn({ on, needs = [] }: Omit<Kind, 'layout'> = {}): void {
  const own = useSandbox({ on, needs: ['criu', ...needs], clear: [101, 102] });
  beforeAll(() => {
    sandbox = own;
  });
}

async function startCounting(layout: string, ...options: readonly string[]): Promise<void> {
  await sandbox.create(101, '--layout', layout, '--diskspace', '128M', ...options);
  await sandbox.good('start', '101', '--wait');
  await exec(COUNTER);
}

/** Each number that was counted is in the file, in order, and none is there twice. */
async function expectConsistent(): Promise<void> {
  const wrong = await exec(`awk '$1 != NR { print; exit }' /root/count`);
  expect(wrong).toBe('');
}

function describeSnapshots(kind: Kind): void {
  useOwn(kind);

  it('keeps what runs, which goes on, and goes back to it', async () => {
    await startCounting(kind.layout);
    const pid = await exec('cat /run/counter');
    await take(1);
    const [at = 0] = await counted();
    await expect.poll(async () => (await counted())[0], SOON).toBeGreaterThan(at + 5);
    await exec('echo later >/root/later');
    await take(2);
    const [then = 0] = await counted();
    expect((await vzctl('snapshot-list', '101', '-H', '-o', 'state,current')).stdout).toBe(
      'yes   \nyes   *\n',
    );
    expect(await goTo(1)).toMatchObject(QUIET);
    expect(await status()).toBe(RUNNING);
    const [back = 0] = await counted();
    expect(back).toBeLessThanOrEqual(at + 100);
    expect(back).toBeLessThan(then + 100);
    expect(await exec(`kill -0 ${pid} && ls /root`)).toBe('count');
    await expect.poll(async () => (await counted())[0], SOON).toBeGreaterThan(back);
    await expectConsistent();
    // Again, from a stopped one: a snapshot outlives its use.
    await sandbox.good('stop', '101', '--fast');
    expect(await goTo(2, '--must-resume')).toMatchObject(QUIET);
    expect(await exec(`kill -0 ${pid} && cat /root/later`)).toBe('later');
    await expectConsistent();
    expect(dumps()).toEqual([]);
    expect(states()).toEqual([id(1), id(2)]);
    await sandbox.good('snapshot-delete', '101', '--id', id(1));
    expect(states()).toEqual([id(2)]);
    await sandbox.good('snapshot-delete', '101', '--id', id(2));
    expect(existsSync(`${area()}/dump`)).toBe(false);
    await expectConsistent();
  });
}

describe.each(KINDS)('a snapshot of $layout', describeSnapshots);
describe.each(OTHERS)('a snapshot of $layout', { tags: ['slow'] }, describeSnapshots);

describe('a snapshot', { tags: ['slow'] }, () => {
  useOwn();

  it('is one of files alone where that is asked for, or gone back to so', async () => {
    await startCounting('overlay:directory');
    await take(1, '--skip-suspend');
    await take(2);
    expect(states()).toEqual([id(2)]);
    const refused = { code: 159, stderr: `snapshot {${id(1)}} holds no processes that could be resumed\n` };
    expect(await goTo(1, '--must-resume')).toMatchObject(refused);
    expect(await goTo(1)).toMatchObject(QUIET);
    expect([await status(), await exec('cat /run/counter 2>/dev/null')]).toEqual([RUNNING, '']);
    expect(await goTo(2, '--skip-resume')).toMatchObject(QUIET);
    expect([await status(), await exec('cat /run/counter 2>/dev/null')]).toEqual([RUNNING, '']);
    await expectConsistent();
    await sandbox.good('stop', '101', '--fast');
    expect(await goTo(2, '--skip-resume')).toMatchObject(QUIET);
    expect(await status()).toBe(STOPPED);
  });

  it('is one of files alone, and says why, where processes cannot be dumped', async () => {
    await startCounting('overlay:directory');
    const command = sandbox.spawn('vzctl', ['exec', '101', 'exec sleep 1000']);
    await expect.poll(() => exec('ps | grep -c "[s]leep 1000"'), SOON).toBe('1');
    expect(await vzctl('snapshot', '101', '--id', id(1))).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /^Warning: the snapshot is one of files alone: a command that "exec" or "enter" has begun still runs: sleep .*\n$/,
      ),
    });
    await exec('kill $(pidof sleep)');
    await command.ended;
    expect(
      await sandbox.vzctl(['snapshot', '101', '--id', id(2)], { env: { CELLA_CRIU: '/nowhere' } }),
    ).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/: CRIU is not installed\n$/),
    });
    expect([await status(), states()]).toEqual([RUNNING, []]);
    expect(await goTo(1)).toMatchObject(QUIET);
    await expectConsistent();
  });

  it('of a suspended container is one to resume from', async () => {
    await startCounting('overlay:directory');
    await sandbox.good('suspend', '101');
    await take(1);
    await take(2, '--skip-suspend');
    await sandbox.good('resume', '101');
    await exec('echo later >/root/later');
    await sandbox.good('suspend', '101');
    expect(await goTo(1)).toMatchObject(QUIET);
    expect([await status(), await exec('ls /root')]).toEqual([RUNNING, 'count']);
    const [back = 0] = await counted();
    await expect.poll(async () => (await counted())[0], SOON).toBeGreaterThan(back);
    await expectConsistent();
    await sandbox.good('suspend', '101');
    // Its memory would not fit these files.
    expect(await goTo(2)).toMatchObject(QUIET);
    expect([await status(), dumps()]).toEqual([STOPPED, []]);
  });

  it('whose processes cannot go on is one of files, or an error where they must', async () => {
    await startCounting('overlay:directory');
    await take(1);
    const at = `${area()}/dump/${id(1)}`;
    const [pages = ''] = readdirSync(`${at}/images`).filter((name) => name.startsWith('pages-'));
    const right = readFileSync(`${at}/images/${pages}`);
    const wrong = Buffer.from(right);
    wrong.writeUInt8(wrong.readUInt8(wrong.length >> 1) ^ 1, wrong.length >> 1);
    writeFileSync(`${at}/images/${pages}`, wrong);
    const [before = 0] = await counted();
    const damaged = `'${at}/images/${pages}' is not as it was written: the state is damaged\n`;
    expect(await goTo(1, '--must-resume')).toMatchObject({ code: 17, stderr: damaged });
    await expect.poll(async () => (await counted())[0], SOON).toBeGreaterThan(before);
    writeFileSync(`${at}/images/${pages}`, right);
    const header = readFileSync(`${at}/cella.json`, 'utf8');
    for (const [key, value, why] of [
      ['kernel', '99.1.0', 'on a newer kernel: 99.1.0'],
      ['arch', 'riscv64', 'on another architecture: riscv64'],
    ] as const) {
      writeFileSync(`${at}/cella.json`, JSON.stringify({ ...JSON.parse(header), [key]: value }));
      expect(await goTo(1, '--must-resume')).toMatchObject({ code: 17, stderr: `'${at}' was made ${why}\n` });
    }
    expect(await status()).toBe(RUNNING);
    const gone = await goTo(1);
    expect(gone).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/its processes do not go on: .*riscv64\n$/),
    });
    expect([await status(), await exec('cat /run/counter 2>/dev/null')]).toEqual([RUNNING, '']);
    await expectConsistent();
    expect(dumps()).toEqual([]);
  });

  it('moves with its container', async () => {
    await startCounting('overlay:directory');
    await take(1);
    await sandbox.good('stop', '101', '--fast');
    const elsewhere = `${sandbox.rootDir}/elsewhere`;
    expect(await sandbox.run('cella', ['move', '101', '--private', '/elsewhere'])).toMatchObject(QUIET);
    expect(existsSync(`${elsewhere}/dump/${id(1)}`)).toBe(true);
    expect(await goTo(1, '--must-resume')).toMatchObject(QUIET);
    await expectConsistent();
    await sandbox.good('stop', '101', '--fast');
    await sandbox.good('destroy', '101');
    expect([existsSync(elsewhere), dumps()]).toEqual([false, []]);
  });
});

describe('a kill', { tags: ['slow'] }, () => {
  useOwn();

  /** Any verb that changes something. */
  const lookAfter = () => vzctl('set', '101', '--description', 'looked after', '--save');
  const killed = async (point: string, ...args: readonly string[]): Promise<void> => {
    const end = await sandbox.vzctl(args, { env: { CELLA_FAULT: point } });
    expect(end).toMatchObject({ signal: 'SIGKILL' });
  };

  it.each(
    ['overlay:directory', 'overlay:image'].flatMap((layout) =>
      ['snapshot.begun', 'suspend.dumped', 'snapshot.goes-on', 'snapshot.made', 'snapshot.done'].map(
        (point) => [point, layout] as const,
      ),
    ),
  )('at %s has the container go on, with the old snapshots or the new one (%s)', async (point, layout) => {
    await startCounting(layout);
    await take(1);
    await killed(point, 'snapshot', '101', '--id', id(2));
    const seen = () => readFileSync(`/proc/${record().init.pid}/root/run/count`, 'utf8');
    const before = seen();
    await expect.poll(seen, SOON).not.toBe(before);
    await lookAfter();
    const listed = (await vzctl('snapshot-list', '101', '-H', '-o', 'uuid')).stdout.match(/[0-9a-f-]{36}/g);
    expect(listed).toEqual(point === 'snapshot.done' ? [id(1), id(2)] : [id(1)]);
    expect([states(), dumps(), await status()]).toEqual([listed, [], RUNNING]);
    if (layout === 'overlay:directory')
      expect(readdirSync(area()).filter((name) => name.startsWith('n-')).length).toBe(listed?.length);
    await take(3);
    for (const digit of [3, 1]) {
      expect(await goTo(digit)).toMatchObject(QUIET);
      await expectConsistent();
    }
  });

  it.each([
    ['snapshot-switch.begun', [STOPPED]],
    ['snapshot-switch.made', [STOPPED]],
    ['snapshot-switch.done', [STOPPED]],
    ['snapshot-switch.suspended', [SUSPENDED]],
    ['resume.placed', [SUSPENDED]],
    ['resume.restored', [SUSPENDED]],
    ['resume.taken', [STOPPED, RUNNING]],
    ['resume.runs', [RUNNING]],
  ])('at %s leaves the files of one moment, and processes of that or none', async (point, then) => {
    await startCounting('overlay:directory');
    await take(1);
    await exec('echo later >/root/later');
    await killed(point, 'snapshot-switch', '101', '--id', id(1));
    // CRIU ends what it has begun when nobody asks for it any more.
    await sleep(1000);
    await lookAfter();
    expect(then).toContain(await status());
    const failed = point === 'resume.taken' && (await status()) === STOPPED;
    expect(dumps()).toEqual([
      ...(failed ? ['Dump.101.fail'] : []),
      ...((await status()) === SUSPENDED ? ['Dump.101'] : []),
    ]);
    if ((await status()) === SUSPENDED) await sandbox.good('resume', '101');
    if ((await status()) === STOPPED) await sandbox.good('start', '101', '--wait');
    await expectConsistent();
    const old = ['snapshot-switch.begun', 'snapshot-switch.made'].includes(point);
    expect(await exec('ls /root')).toBe(old ? 'count\nlater' : 'count');
    expect(states()).toEqual([id(1)]);
    expect(await goTo(1, '--must-resume')).toMatchObject(QUIET);
    expect(await exec('ls /root')).toBe('count');
    await expectConsistent();
    rmSync(`${sandbox.rootDir}/var/lib/vz/dump/Dump.101.fail`, { recursive: true, force: true });
  });
});
