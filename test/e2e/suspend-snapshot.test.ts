/** Snapshots with processes: what ran goes on as it was then, with the files that it had; and the container itself goes on. */
import { existsSync, readdirSync } from 'node:fs';
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

const SOON = { timeout: 20_000 };
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
