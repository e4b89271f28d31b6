/** Who is connected to what moves: it answers where it runs, from when it does, and not only once all of it is there. */

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginHolder, expectGone, HELD } from '../helpers/holder.js';
import { type Move, vzmigrate } from '../helpers/migrate.js';
import { commandIn, Machine } from '../helpers/networks.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const ADDRESS = '10.77.0.50';
const PATIENCE_MS = 20_000;
const here = useSandbox({ needs: ['criu'] });
const there = useSandbox({ needs: ['criu'] });
/** Somebody, and the two hosts: on one bridge. */
let [client, home, away]: Machine[] = [];

const machineOf = (at: Sandbox): Machine => (at === here ? home : away) as Machine;
const onward = (more: Partial<Move> = {}): Move => ({
  ...{ from: here, to: there, hosts: { from: home as Machine, to: away as Machine } },
  ...more,
});

/** A command of ours in the network of that host. */
async function vzctl(at: Sandbox, ...args: readonly string[]): Promise<string> {
  return (await commandIn(machineOf(at), at.rootDir, 'vzctl', args)).stdout.trim();
}

beforeEach(async () => {
  [client, home, away] = [await Machine.start(), await Machine.start(), await Machine.start()];
  await client.run(
    'ip link add bridge0 type bridge; ip addr add 10.77.0.1/24 dev bridge0; ip link set bridge0 up',
  );
  for (const [at, machine] of [home, away].entries()) {
    await client.run(`
      ip link add host${at} type veth peer name eth0 netns ${machine.namespace}
      ip link set host${at} master bridge0 up`);
    await machine.run(`ip addr add 10.77.0.${at + 2}/24 dev eth0; ip link set eth0 up`);
  }
  await beginHolder(here);
  await vzctl(here, 'set', '101', '--ipadd', ADDRESS, '--save');
  await vzctl(here, 'exec', '101', '(nc -ll -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 0.5');
});
afterEach(async () => {
  for (const at of [here, there])
    for (const verb of [
      ['stop', '101', '--fast'],
      ['destroy', '101'],
    ])
      await vzctl(at, ...verb);
  for (const sandbox of [here, there]) await sandbox.clear();
  for (const machine of [client, home, away]) await machine?.stop();
});

/** Somebody who says lines, which are to be said back. */
class Talk implements Disposable {
  readonly #child = (client as Machine).spawn('busybox', 'nc', ADDRESS, '7000');
  readonly #lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[
    Symbol.asyncIterator
  ]();

  async hears(text: string): Promise<void> {
    this.#child.stdin?.write(`${text}\n`);
    const silence = sleep(PATIENCE_MS, { value: 'silence' }, { ref: false });
    expect((await Promise.race([this.#lines.next(), silence])).value).toBe(text);
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}

/** The host that is asked for the address, as its neighbour knows it. */
async function leadsTo(machine: Machine | undefined): Promise<boolean> {
  const mac = await machine?.run("ip -br link show eth0 | awk '{ print $3 }'");
  return (await client?.run(`ip neigh show ${ADDRESS}`))?.includes(mac as string) ?? false;
}

describe('one whose memory follows', () => {
  it('answers whoever is connected while that does', { timeout: 200_000 }, async () => {
    using talk = new Talk();
    await talk.hears('before');
    // So that it takes some ten seconds.
    const slowly = ['--bwlimit', String(Math.round(HELD / 10 / 1024))];
    let isOver = false;
    const moved = vzmigrate(onward(), '--online', '--mode', 'post-copy', ...slowly).finally(() => {
      isOver = true;
    });
    await expect.poll(() => leadsTo(away), { timeout: 60_000, interval: 50 }).toBe(true);
    for (const text of ['one', 'two', 'three']) await talk.hears(text);
    expect(isOver).toBe(false);
    // The host that it leaves has its address elsewhere too.
    expect(await home?.run(`ip route get ${ADDRESS}`)).toMatch(/ dev eth0 /);
    expect(await moved).toMatchObject({ code: 0, stderr: '' });
    await talk.hears('after');
    await expectGone(here);
  });

  it.each(['beat', 'whole'])(
    'answers here again where the connection breaks at "%s"',
    { timeout: 200_000, tags: ['slow'] },
    async (cut) => {
      expect((await vzmigrate(onward({ cut }), '--online', '--mode', 'post-copy')).code).not.toBe(0);
      await expectAnswers();
    },
  );

  it.each(['migrate.led', 'migrate.fetching', 'receive.fetching'])(
    'answers here again after a kill at %s',
    { timeout: 200_000, tags: ['slow'] },
    async (fault) => {
      await vzmigrate(onward({ fault }), '--online', '--mode', 'post-copy');
      await expectAnswers();
    },
  );
});

/** Where it was: whoever comes next sees to that. */
async function expectAnswers(): Promise<void> {
  for (const at of [here, there]) await vzctl(at, 'set', '101', '--description', 'looked', '--save');
  await expectGone(there);
  using talk = new Talk();
  await talk.hears('anew');
  expect(await leadsTo(home)).toBe(true);
}
