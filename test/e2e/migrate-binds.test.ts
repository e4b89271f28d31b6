/** Bind mounts of a container that moves: its own directories go along, those of the host have to be there too. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ needs: ['criu'], clear: [101] });
const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();

let data: string;
beforeEach(() => {
  data = `${here.rootDir}/data`;
  mkdirSync(data);
  writeFileSync(`${data}/file`, 'of the host\n');
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const bind = (): readonly string[] => [
  '--bindmount_add',
  `${data}:/srv/data`,
  '--bindmount_add',
  '/var/kept',
];
const WRITER =
  '(exec 3>>/srv/data/log 4>>/var/kept/log; while :; do echo x >&3; echo y >&4; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.3';
const LOOK = 'cat /srv/data/file /var/kept/a/file; stat -c %u:%g:%a /var/kept /var/kept/a';
const lines = async (at: Sandbox, path: string): Promise<number> =>
  Number(await inside(at, `wc -l <${path}`));

async function begin(layout: string): Promise<string> {
  await here.create(101, '--layout', layout, '--diskspace', '128M', ...bind());
  await here.good('start', '101', '--wait');
  await inside(here, 'mkdir -m 750 /var/kept/a; echo mine >/var/kept/a/file; chown 7:8 /var/kept/a');
  return inside(here, LOOK);
}

it.each(['overlay:image', 'overlay:directory'])(
  'with its processes, there and back: %s',
  { tags: ['slow'] },
  async (layout) => {
    const before = await begin(layout);
    await inside(here, WRITER);
    let [from, to] = [here, there];
    for (let round = 0; round < 2; round += 1) {
      expect(await vzmigrate({ from, to }, '--online')).toMatchObject({ code: 0, stderr: '' });
      expect(await inside(to, LOOK)).toBe(before);
      for (const path of ['/srv/data/log', '/var/kept/log']) {
        const now = await lines(to, path);
        await expect.poll(() => lines(to, path), { timeout: 20_000 }).toBeGreaterThan(now);
      }
      [from, to] = [to, from];
    }
    expect(readFileSync(`${data}/log`, 'utf8')).toMatch(/^x\n/);
  },
);

it('without them, unless what it is of is missing there', async () => {
  const before = await begin('overlay:directory');
  await here.good('stop', '101', '--fast');
  rmSync(data, { recursive: true });
  expect(await vzmigrate({ from: here, to: there }, '--check-only')).toMatchObject({
    code: 7,
    stderr: expect.stringMatching(/^this host has no '\S+\/data', which is '\/srv\/data' in it \(there\)\n/),
  });
  mkdirSync(data);
  writeFileSync(`${data}/file`, 'of the host\n');
  expect(await vzmigrate({ from: here, to: there })).toMatchObject({ code: 0, stderr: '' });
  await there.good('start', '101', '--wait');
  expect(await inside(there, LOOK)).toBe(before);
});
