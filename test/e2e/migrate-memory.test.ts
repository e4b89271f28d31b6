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
import { beginHolder, expectGone, expectNothingLeft, expectWhole, HELD, stepOf } from '../helpers/holder.js';
import { type Move, vzmigrate } from '../helpers/migrate.js';
import { lack, requires } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101] });
const there = useSandbox({ needs: ['criu'], clear: [101] });
const onward = (fault?: string): Move => ({ from: here, to: there, fault });
const PRE_COPY = ['--online', '--mode', 'pre-copy'];

/** The host's CRIU, which is killed once, or each time, as soon as it has taken note of the memory of one process. */
async function fragileCriu(often: 'once' | 'always'): Promise<string> {
  const program = `${here.rootDir}/criu`;
  const real = (await findCriu()).program;
  const first = `${here.rootDir}/var/lib/vz/dump/Dump.101.leaving.new/pre-1`;
  const script = `
    if [ -e "$0.killed" ] && [ ${often} = once ] || [ ! -d '${first}' ]; then exec '${real}' "$@"; fi
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
    const sending = new Link(new PassThrough(), stream).sendBytes(pack(tar, 0));
    await Promise.all([sending, receiveImages(receiver, at)]);
  };
  const receiver = new Link(stream, new PassThrough());
  await send('mkdir pre-1; touch core-1.img pre-1/pages-1.img dump.log; ln -s /etc parent');
  expect(readdirSync(at)).toEqual(['core-1.img']);
  await expect(send('ln -s /etc/passwd cgroup.img')).rejects.toThrow("'cgroup.img' is no file");
});

it('is refused where the kernel does not tell what changes, and nowhere else', async () => {
  await beginHolder(here);
  const { code, stderr } = await vzmigrate(onward(), ...PRE_COPY, '--check-only');
  const can = (await lack('soft-dirty')) === undefined;
  expect(tellsChanges()).toBe(can);
  if (can) return expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect([code, stderr]).toEqual([
    7,
    expect.stringContaining('does not tell which pages change (soft-dirty)'),
  ]);
  await expectWhole(here, 0);
});

describe('where the kernel tells what changes', () => {
  requires('soft-dirty');

  it('goes there and back, several times over', { timeout: 400_000 }, async () => {
    await beginHolder(here);
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
      await expectGone(from);
      reached = await expectWhole(to, reached);
      expectNothingLeft(here, there);
      [from, to] = [to, from];
    }
    // Not each time: what the kernel makes huge pages of counts as changed.
    expect(Math.min(...least)).toBeLessThan(HELD / 4);
  });

  it('goes ahead in part, and follows in part', { timeout: 400_000 }, async () => {
    await beginHolder(here);
    let [from, to] = [here, there];
    let reached = await expectWhole(here, 0);
    for (let round = 0; round < 2; round += 1) {
      const { code, stdout, stderr } = await vzmigrate(
        { from, to },
        '--online',
        '--mode',
        'hybrid',
        '--json',
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect((JSON.parse(stdout) as MigrateResult).memory.length).toBeGreaterThan(1);
      await expectGone(from);
      reached = await expectWhole(to, reached);
      expectNothingLeft(here, there);
      [from, to] = [to, from];
    }
  });

  it.each(['migrate.memory', 'receive.memory'])(
    'killed at %s: it runs, and nothing is left',
    async (point) => {
      await beginHolder(here);
      const before = await stepOf(here);
      const killed = await vzmigrate(onward(point), ...PRE_COPY);
      expect(killed.code).not.toBe(0);
      for (const at of [here, there]) await at.vzctl(['set', '101', '--description', 'looked', '--save']);
      await expectWhole(here, before);
      await expectGone(there);
      expectNothingLeft(here, there);
    },
  );

  it('a CRIU that is killed while it holds it: it goes on, and another one begins anew', async () => {
    await beginHolder(here);
    const before = await stepOf(here);
    const env = { CELLA_CRIU: await fragileCriu('once') };
    expect(await vzmigrate({ ...onward(), env }, ...PRE_COPY)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(`${env.CELLA_CRIU}.killed`)).toBe(true);
    await expectWhole(there, before);
    expectNothingLeft(here, there);
  });

  it('one that is killed each time: it goes without, where nobody has asked for it', async () => {
    await beginHolder(here, '--ram', '512M');
    await here.vzctl([
      'exec',
      '101',
      'mkfifo /run/never; (x=$(head -c 140000000 /dev/zero | tr "\\0" x); : >/run/large; read -r x) <>/run/never >/dev/null 2>&1 & until [ -e /run/large ]; do sleep 0.2; done',
    ]);
    const before = await stepOf(here);
    const env = { CELLA_CRIU: await fragileCriu('always') };
    const { code } = await vzmigrate({ ...onward(), env }, ...PRE_COPY);
    expect(code).not.toBe(0);
    const { stdout, ...rest } = await vzmigrate({ ...onward(), env }, '--online', '--json');
    expect(rest).toMatchObject({ code: 0, stderr: '' });
    expect((JSON.parse(stdout) as MigrateResult).memory).toEqual([]);
    await expectWhole(there, before);
    expectNothingLeft(here, there);
  });

  it('has little of it left to send once it stands still', async () => {
    await beginHolder(here);
    const before = await stepOf(here);
    expect(await vzmigrate(onward('migrate.dumped'), ...PRE_COPY)).toMatchObject({ signal: 'SIGKILL' });
    const images = `${here.rootDir}/var/lib/vz/dump/Dump.101.leaving.new/images`;
    expect(pagesIn(images)).toBeGreaterThan(0);
    expect(pagesIn(images)).toBeLessThan(HELD / 4);
    await here.vzctl(['set', '101', '--description', 'looked', '--save']);
    await expectWhole(here, before);
    expectNothingLeft(here, there);
  });
});
