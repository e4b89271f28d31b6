/** Memory that goes ahead of a container while it is being changed: none of it is lost, wherever that ends. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MigrateResult } from '../../src/container/migrate.js';
import { tellsChanges } from '../../src/host/criu/soft-dirty.js';
import { type Move, vzmigrate } from '../helpers/migrate.js';
import { lack, requires } from '../helpers/requires.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ needs: ['criu'], clear: [101] });
const onward = (fault?: string): Move => ({
  from: here,
  to: there,
  ...(fault === undefined ? {} : { env: { CELLA_FAULT: fault } }),
});
const PRE_COPY = ['--online', '--mode', 'pre-copy'];

const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const status = async (at: Sandbox): Promise<string> => (await at.vzctl(['status', '101'])).stdout.trim();
const RUNS = 'CTID 101 exist mounted running';
const GONE = 'CTID 101 deleted unmounted down';

/** Of 4096 texts of 4000 bytes it changes one after the other, with each line that it is given, all of them over and over. */
const HELD = 4096 * 4000;
const HOLDER = `
BEGIN { N = 4096; for (n = 0; n < N; n++) text[n] = sprintf("%04000d", n) }
{
  text[n % N] = sprintf("%04000d", n); n++
  print n > "/run/step"; close("/run/step")
  if ((getline asked < "/run/ask") > 0) {
    wrong = 0
    for (i = 0; i < N; i++) if (text[i] != sprintf("%04000d", n - 1 - (n - 1 - i) % N)) wrong++
    print asked, wrong > "/run/told"; close("/run/told")
  }
  close("/run/ask")
}`;
const HOLD =
  '(while :; do echo; sleep 0.1; done) </dev/null 2>/dev/null | awk -f /run/holder >/dev/null 2>&1 & until [ -s /run/step ]; do sleep 0.1; done';

async function begin(): Promise<void> {
  await here.create(101, '--layout', 'overlay:directory');
  await here.good('start', '101', '--wait');
  await here.vzctl(['exec', '101', 'cat >/run/holder'], { input: HOLDER });
  await inside(here, HOLD);
}

const step = async (at: Sandbox): Promise<number> => Number(await inside(at, 'cat /run/step'));

/** The process says itself how much of its memory is not what it has put there. */
async function expectWhole(at: Sandbox, since: number): Promise<number> {
  expect(await status(at)).toBe(RUNS);
  await expect.poll(() => step(at), { timeout: 60_000 }).toBeGreaterThan(since);
  const asked = `asked-${await step(at)}`;
  await inside(
    at,
    `echo ${asked} >/run/ask; until grep -q ${asked} /run/told; do sleep 0.2; done; rm /run/ask`,
  );
  expect(await inside(at, 'cat /run/told')).toBe(`${asked} 0`);
  return step(at);
}

function expectNothingLeft(): void {
  for (const { rootDir } of [here, there]) {
    const dumps = `${rootDir}/var/lib/vz/dump`;
    expect(existsSync(dumps) ? readdirSync(dumps) : []).toEqual([]);
  }
}

/** Bytes of memory in a directory of images. */
function pagesIn(images: string): number {
  return readdirSync(images)
    .filter((name) => name.startsWith('pages-'))
    .reduce((sum, name) => sum + statSync(`${images}/${name}`).size, 0);
}

it('is refused where the kernel does not tell what changes, and nowhere else', async () => {
  await begin();
  const { code, stderr } = await vzmigrate(onward(), ...PRE_COPY, '--check-only');
  const can = (await lack('soft-dirty')) === undefined;
  expect(tellsChanges()).toBe(can);
  if (can) return expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect([code, stderr]).toEqual([
    7,
    expect.stringContaining('does not tell which pages change (soft-dirty)'),
  ]);
  expect(await status(here)).toBe(RUNS);
});

describe('where the kernel tells what changes', () => {
  requires('soft-dirty');

  it('goes there and back, several times over', { timeout: 400_000 }, async () => {
    await begin();
    let [from, to] = [here, there];
    let reached = await expectWhole(here, 0);
    for (let round = 0; round < 4; round += 1) {
      const { code, stdout, stderr } = await vzmigrate({ from, to }, ...PRE_COPY, '--json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { memory } = JSON.parse(stdout) as MigrateResult;
      expect(memory.length).toBeGreaterThan(1);
      expect(memory[0]?.bytes).toBeGreaterThan(HELD);
      expect(memory.at(-1)?.bytes).toBeLessThan(HELD / 2);
      expect(await status(from)).toBe(GONE);
      reached = await expectWhole(to, reached);
      expectNothingLeft();
      [from, to] = [to, from];
    }
  });

  it.each(['migrate.memory', 'receive.memory'])(
    'killed at %s: it runs, and nothing is left',
    async (point) => {
      await begin();
      const before = await step(here);
      const killed = await vzmigrate(onward(point), ...PRE_COPY);
      expect(killed.code).not.toBe(0);
      for (const at of [here, there]) await at.vzctl(['set', '101', '--description', 'looked', '--save']);
      await expectWhole(here, before);
      expect(await status(there)).toBe(GONE);
      expectNothingLeft();
    },
  );

  it('has little of it left to send once it stands still', async () => {
    await begin();
    const before = await step(here);
    expect(await vzmigrate(onward('migrate.dumped'), ...PRE_COPY)).toMatchObject({ signal: 'SIGKILL' });
    const images = `${here.rootDir}/var/lib/vz/dump/Dump.101.leaving.new/images`;
    expect(pagesIn(images)).toBeGreaterThan(0);
    expect(pagesIn(images)).toBeLessThan(HELD / 4);
    await here.vzctl(['set', '101', '--description', 'looked', '--save']);
    await expectWhole(here, before);
    expectNothingLeft();
  });
});
