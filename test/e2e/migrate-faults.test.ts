/** Whatever breaks while a container moves: afterwards it runs at one host, with all its memory, and at no other. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ needs: ['criu'], clear: [101] });

const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.5`;
const count = async (at: Sandbox): Promise<number> => Number(await inside(at, 'cat /run/count'));
const isRunning = async (at: Sandbox): Promise<boolean> =>
  (await at.vzctl(['status', '101'])).stdout.includes('running');
/** Any command that changes something finishes what was left. */
const touch = (at: Sandbox) => at.vzctl(['set', '101', '--description', 'looked', '--save']);

async function begin(): Promise<number> {
  await here.create(101, '--layout', 'overlay:directory');
  await here.good('start', '101', '--wait');
  await inside(here, COUNTER);
  return count(here);
}

async function expectAt(host: 'here' | 'there', counted: number): Promise<void> {
  expect([await isRunning(here), await isRunning(there)]).toEqual([host === 'here', host === 'there']);
  const at = host === 'here' ? here : there;
  const now = await count(at);
  expect(now).toBeGreaterThanOrEqual(counted);
  await expect.poll(() => count(at), { timeout: 20_000 }).toBeGreaterThan(now);
  const other = host === 'here' ? there : here;
  for (const place of ['/etc/vz/conf/101.conf', '/etc/vz/conf/.101.conf.creating', '/var/lib/vz/private/101'])
    expect(existsSync(`${other.rootDir}${place}`), place).toBe(false);
  const dumps = `${at.rootDir}/var/lib/vz/dump`;
  expect(existsSync(dumps) ? readdirSync(dumps) : []).toEqual([]);
}

describe('the side that it leaves is killed', () => {
  it.each([
    ['dumped', 'here'],
    ['restored', 'here'],
    ['handed', 'here'],
    ['asked', 'here'],
    ['kept', 'there'],
    ['gone', 'there'],
  ] as const)('at %s: it is %s', { timeout: 200_000, tags: ['slow'] }, async (point, where) => {
    const counted = await begin();
    const killed = await vzmigrate(
      { from: here, to: there, env: { CELLA_FAULT: `migrate.${point}` } },
      '--online',
    );
    expect(killed.signal).toBe('SIGKILL');
    // Never at both, even before anybody has looked.
    await touch(here);
    await touch(there);
    await expectAt(where, counted);
  });
});

describe('the side that it comes to is killed', () => {
  it.each([
    ['files', 'here', 4],
    ['state', 'here', 4],
    ['restored', 'here', 4],
    ['go', 'here', 4],
    ['runs', 'here', 4],
    ['kept', 'here', 4],
    ['made', 'there', 0],
  ] as const)('at %s: it is %s', { timeout: 200_000, tags: ['slow'] }, async (point, where, code) => {
    const counted = await begin();
    const moved = await vzmigrate(
      { from: here, to: there, env: { CELLA_FAULT: `receive.${point}` } },
      '--online',
    );
    expect(moved).toMatchObject({ code });
    await touch(there);
    await expectAt(where, counted);
  });
});
