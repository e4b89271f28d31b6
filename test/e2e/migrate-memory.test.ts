/** Memory that goes ahead of a container while it is being changed: none of it is lost, wherever that ends. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { MigrateResult } from '../../src/container/migrate.js';
import { findCriu } from '../../src/host/criu/find.js';
import { tellsChanges } from '../../src/host/criu/soft-dirty.js';
import { filter } from '../../src/host/run.js';
import { pack } from '../../src/migrate/archive.js';
import { receiveImages } from '../../src/migrate/images.js';
import { Link } from '../../src/migrate/link.js';
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

/**
 * With each line that it is given it changes one of 512 small texts, at times one of 128 large ones. Large ones are apart
 * from its heap, of which all counts as changed whenever that grows.
 */
const HELD = 128 * 160_000;
const HOLDER = `
function large(n) { return sprintf("%0160000d", n) }
function small(n) { return sprintf("%0400d", n) }
function latest(i, last, count) { return last - (last - i) % count }
BEGIN {
  L = 128; S = 512
  for (l = 0; l < L; l++) larges[l] = large(l)
  for (s = 0; s < S; s++) smalls[s] = small(s)
}
{
  smalls[s % S] = small(s); s++
  if (s % 200 == 0) { larges[l % L] = large(l); l++ }
  print s > "/run/step"; close("/run/step")
  if ((getline asked < "/run/ask") > 0) {
    wrong = 0
    for (i = 0; i < S; i++) if (smalls[i] != small(latest(i, s - 1, S))) wrong++
    for (i = 0; i < L; i++) if (larges[i] != large(latest(i, l - 1, L))) wrong++
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

/** The host's CRIU, which is killed once as soon as it has taken note of the memory of one process. */
async function fragileCriu(): Promise<string> {
  const program = `${here.rootDir}/criu`;
  const real = (await findCriu()).program;
  const first = `${here.rootDir}/var/lib/vz/dump/Dump.101.leaving.new/pre-1`;
  const script = `
    if [ -e "$0.killed" ] || [ ! -d '${first}' ]; then exec '${real}' "$@"; fi
    : >"$0.killed"; '${real}' "$@" &
    until grep -q 'dirty tracking' '${first}/dump.log' 2>/dev/null; do :; done; kill -9 $!`;
  writeFileSync(program, `#!/bin/sh${script}\n`, { mode: 0o755 });
  return program;
}

/** Bytes of memory in a directory of images. */
function pagesIn(images: string): number {
  return readdirSync(images)
    .filter((name) => name.startsWith('pages-'))
    .reduce((sum, name) => sum + statSync(`${images}/${name}`).size, 0);
}

it('takes files by the names of images from the other side, and nothing else', async () => {
  const [stream, at, from] = [new PassThrough(), `${there.rootDir}/images`, `${here.rootDir}/images`];
  const send = async (script: string): Promise<void> => {
    await here.shell(`rm -rf "$1" "$2"; mkdir "$1" "$2"; cd "$1"; ${script}`, from, at);
    const tar = filter(['tar', '--create', `--directory=${from}`, '.'], (async function* () {})());
    const sending = new Link(new PassThrough(), stream).sendBytes(pack(tar));
    await Promise.all([sending, receiveImages(receiver, at)]);
  };
  const receiver = new Link(stream, new PassThrough());
  await send('mkdir pre-1; touch core-1.img pre-1/pages-1.img dump.log; ln -s /etc parent');
  expect(readdirSync(at)).toEqual(['core-1.img']);
  await expect(send('ln -s /etc/passwd cgroup.img')).rejects.toThrow("'cgroup.img' is no file");
});

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
    const least: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { code, stdout, stderr } = await vzmigrate({ from, to }, ...PRE_COPY, '--json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { memory } = JSON.parse(stdout) as MigrateResult;
      expect(memory.length).toBeGreaterThan(1);
      expect(memory[0]?.bytes).toBeGreaterThan(HELD);
      least.push(Math.min(...memory.map(({ bytes }) => bytes)));
      expect(await status(from)).toBe(GONE);
      reached = await expectWhole(to, reached);
      expectNothingLeft();
      [from, to] = [to, from];
    }
    // Not each time: what the kernel makes huge pages of counts as changed.
    expect(Math.min(...least)).toBeLessThan(HELD / 4);
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

  it('a CRIU that is killed while it holds it: it goes on, and another one begins anew', async () => {
    await begin();
    const before = await step(here);
    const env = { CELLA_CRIU: await fragileCriu(), CELLA_FAULT: '' };
    expect(await vzmigrate({ ...onward(), env }, ...PRE_COPY)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(`${env.CELLA_CRIU}.killed`)).toBe(true);
    await expectWhole(there, before);
    expectNothingLeft();
  });

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
