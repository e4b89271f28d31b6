/** A suspended container moves with its state: it goes on at whichever host has it, and at no other. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ needs: ['criu'], clear: [101] });

const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const status = async (at: Sandbox): Promise<string> => (await at.vzctl(['status', '101'])).stdout.trim();
const dumps = (at: Sandbox): readonly string[] => {
  const directory = `${at.rootDir}/var/lib/vz/dump`;
  return existsSync(directory) ? readdirSync(directory) : [];
};
const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.5`;
const count = async (at: Sandbox): Promise<number> => Number(await inside(at, 'cat /run/count'));
const SUSPENDED = 'CTID 101 exist unmounted down suspended';
const GONE = 'CTID 101 deleted unmounted down';

async function suspendCounting(layout = 'overlay:directory'): Promise<number> {
  await here.create(101, '--layout', layout, '--diskspace', '128M');
  await here.good('start', '101', '--wait');
  await inside(here, COUNTER);
  const counted = await count(here);
  await here.good('suspend', '101');
  return counted;
}

async function expectGoesOn(at: Sandbox, counted: number): Promise<void> {
  await at.good('resume', '101');
  const now = await count(at);
  expect(now).toBeGreaterThanOrEqual(counted);
  await expect.poll(() => count(at), { timeout: 20_000 }).toBeGreaterThan(now);
}

it.each(['overlay:directory', 'overlay:image', 'plain:directory'])(
  'goes on there, and back here: %s',
  { tags: ['slow'] },
  async (layout) => {
    const counted = await suspendCounting(layout);
    expect(await vzmigrate({ from: here, to: there }, '--check-only')).toMatchObject({ code: 0, stderr: '' });
    expect(await vzmigrate({ from: here, to: there })).toMatchObject({ code: 0, stderr: '' });
    expect([await status(here), await status(there)]).toEqual([GONE, SUSPENDED]);
    expect([dumps(here), dumps(there)]).toEqual([[], ['Dump.101']]);
    await expectGoesOn(there, counted);
    const later = await count(there);
    await there.good('suspend', '101');
    expect(await vzmigrate({ from: there, to: here }, '-r', 'no')).toMatchObject({ code: 0, stderr: '' });
    expect([dumps(here), dumps(there)]).toEqual([['Dump.101'], []]);
    await expectGoesOn(here, later);
    await there.shell(
      'rmdir "$1/var/lib/vz/root/101"; rm -rf "$1/var/lib/vz/private/101" "$1"/etc/vz/conf/101.conf.migrated',
      there.rootDir,
    );
  },
);

it('stays where it is if its state is damaged', async () => {
  const counted = await suspendCounting();
  const image = `${here.rootDir}/var/lib/vz/dump/Dump.101/images/cgroup.img`;
  await here.shell('cp "$1" "$1.whole"; printf x >> "$1"', image);
  expect(await vzmigrate({ from: here, to: there })).toMatchObject({
    code: 7,
    stderr: expect.stringContaining('damaged'),
  });
  await here.shell('mv "$1.whole" "$1"', image);
  expect([await status(here), dumps(there)]).toEqual([SUSPENDED, []]);
  await expectGoesOn(here, counted);
});

describe('whoever is killed: one has it', () => {
  it.each([
    ['migrate.asked', 'here'],
    ['migrate.kept', 'there'],
    ['migrate.gone', 'there'],
    ['receive.state', 'here'],
    ['receive.files', 'here'],
    ['receive.placed', 'here'],
    ['receive.made', 'there'],
  ] as const)('at %s: it is %s', { timeout: 200_000, tags: ['slow'] }, async (point, where) => {
    const counted = await suspendCounting();
    await vzmigrate({ from: here, to: there, fault: point });
    for (const at of [here, there]) await at.vzctl(['set', '101', '--description', 'looked', '--save']);
    const [at, other] = where === 'here' ? [here, there] : [there, here];
    expect([await status(at), await status(other)]).toEqual([SUSPENDED, GONE]);
    expect([dumps(at), dumps(other)]).toEqual([['Dump.101'], []]);
    await expectGoesOn(at, counted);
  });
});
