/** Memory that follows a container which runs at another host already: whatever breaks meanwhile, it runs at one, with all of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { beginHolder, expectGone, expectNothingLeft, expectWhole, HELD, stepOf } from '../helpers/holder.js';
import { type Move, vzmigrate } from '../helpers/migrate.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ needs: ['criu'], clear: [101] });
const onward = (fault?: string): Move => ({ from: here, to: there, fault });
const POST_COPY = ['--online', '--mode', 'post-copy'];
/** What is another one for the moment of a dump or a restore. */
const SETTINGS = ['/proc/sys/vm/unprivileged_userfaultfd', '/sys/kernel/rcu_expedited'] as const;
const settings = (): readonly string[] => SETTINGS.map((path) => readFileSync(path, 'utf8'));
const PIPES = '/proc/sys/fs/pipe-max-size';

beforeAll(() => {
  // As `cella setup` does.
  if (Number(readFileSync(PIPES, 'utf8')) < 4 << 20) writeFileSync(PIPES, String(4 << 20));
});

it('goes there and back with all its memory', { timeout: 300_000 }, async () => {
  const before = settings();
  await beginHolder(here);
  let [from, to] = [here, there];
  let reached = await expectWhole(here, 0);
  for (let round = 0; round < 2; round += 1) {
    const { code, stdout, stderr } = await vzmigrate({ from, to }, ...POST_COPY, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // None of it was in the images, which are compressed on their way.
    expect(JSON.parse(stdout)).toMatchObject({ memory: [], sent: expect.any(Number) });
    expect((JSON.parse(stdout) as { readonly sent: number }).sent).toBeGreaterThan(HELD);
    await expectGone(from);
    reached = await expectWhole(to, reached);
    expectNothingLeft(here, there);
    [from, to] = [to, from];
  }
  expect(settings()).toEqual(before);
});

describe('one side is killed', () => {
  it.each([
    ['migrate.handed', 'here'],
    ['migrate.fetching', 'here'],
    ['receive.state', 'here'],
    ['receive.restored', 'here'],
    ['receive.go', 'here'],
    ['receive.fetching', 'here'],
    ['migrate.asked', 'here'],
    ['migrate.kept', 'there'],
  ] as const)('at %s: it is %s', { timeout: 200_000, tags: ['slow'] }, async (point, where) => {
    await beginHolder(here);
    const [before, were] = [await stepOf(here), settings()];
    await vzmigrate(onward(point), ...POST_COPY);
    await expect.poll(settings).toEqual(were);
    for (const at of [here, there]) await at.vzctl(['set', '101', '--description', 'looked', '--save']);
    const [at, other] = where === 'here' ? [here, there] : [there, here];
    await expectGone(other);
    await expectWhole(at, before);
    expectNothingLeft(here, there);
  });
});

it.each(['beat', 'whole'])(
  'the connection breaks at "%s": it goes on here',
  { timeout: 200_000, tags: ['slow'] },
  async (type) => {
    await beginHolder(here);
    const before = await stepOf(here);
    const { code } = await vzmigrate({ ...onward(), cut: type }, ...POST_COPY);
    expect(code).not.toBe(0);
    await there.vzctl(['set', '101', '--description', 'looked', '--save']);
    await expectGone(there);
    await expectWhole(here, before);
    expectNothingLeft(here, there);
  },
);
