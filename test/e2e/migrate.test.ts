/** Containers that move between two hosts, which are two root directories here: with their processes, and without. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Move, vzmigrate } from '../helpers/migrate.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { eventually, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const here = useSandbox({ needs: ['criu'], clear: [101], inProcess: true });
const there = useSandbox({ needs: ['criu'], clear: [101], inProcess: true });

const onward = (): Move => ({ from: here, to: there });
const back = (): Move => ({ from: there, to: here });

const inside = async (at: Sandbox, command: string): Promise<string> =>
  (await at.vzctl(['exec', '101', command])).stdout.trim();
const status = async (at: Sandbox): Promise<string> => (await at.vzctl(['status', '101'])).stdout.trim();
const RUNS = 'CTID 101 exist mounted running';
const GONE = 'CTID 101 deleted unmounted down';
/** Counts in memory, and says how far it is. */
const COUNTER = `(i=0; while :; do i=$((i+1)); echo $i > /run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 &`;
const count = async (at: Sandbox): Promise<number> =>
  Number(await inside(at, 'until grep . /run/count; do :; done'));

async function begin(...options: readonly string[]): Promise<void> {
  await here.create(101, '--hostname', 'mover.example', ...options);
  await here.good('start', '101', '--wait');
  await inside(here, COUNTER);
}

/** Writes files anew, in place or by another one's name, and notes down in memory what is in each: all of one length. */
const BUSY = `(n=100000; while [ ! -e /run/enough ]; do n=$((n+1)); i=$((n % 97));
  if [ $((n % 3)) = 0 ]; then echo $n > /root/a/new; mv /root/a/new /root/a/$i; else echo $n > /root/a/$i; fi
  echo $i $n >> /run/notes; done; touch /run/over) </dev/null >/dev/null 2>&1 &`;
const CHECK = `awk '{ v[$1] = $2 } END { for (i in v) print i, v[i] }' /run/notes |
  while read i n; do [ "$(cat /root/a/$i)" = $n ] || echo "$i is not $n"; done; md5sum -c /run/sum`;

async function goThereAndBack(layout: string): Promise<void> {
  await begin('--layout', layout, '--diskspace', '128M');
  await inside(here, 'cd /root; echo one > file; ln file link; ln -s file soft; mkfifo pipe; rm /etc/shells');
  const look = 'cd /root; cat file link soft; stat -c %h file; ls; hostname; ls /etc/shells 2>/dev/null';
  const before = await inside(here, look);
  let [from, to] = [here, there];
  let counted = await count(from);
  for (let round = 0; round < 4; round += 1) {
    const { code, stderr } = await vzmigrate({ from, to }, '--online');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect([await status(from), await status(to)]).toEqual([GONE, RUNS]);
    expect(await inside(to, look)).toBe(before);
    const now = await count(to);
    expect(now).toBeGreaterThanOrEqual(counted);
    await sleep(300);
    counted = await count(to);
    expect(counted).toBeGreaterThan(now);
    [from, to] = [to, from];
  }
}

describe('with its processes', () => {
  it('goes there and back, several times over: overlay:image', () => goThereAndBack('overlay:image'));
  it.each(['overlay:directory', 'plain:directory'])(
    'goes there and back, several times over: %s',
    { tags: ['slow'] },
    goThereAndBack,
  );

  it('has the same files there, whatever it does meanwhile', { tags: ['slow'] }, async () => {
    await begin('--layout', 'overlay:image', '--diskspace', '512M');
    await inside(
      here,
      'mkdir -p /root/a; dd if=/dev/urandom of=/root/large bs=1M count=64 2>/dev/null; md5sum /root/large >/run/sum',
    );
    await inside(here, BUSY);
    expect(await vzmigrate(onward(), '--online', '-t')).toMatchObject({ code: 0, stderr: '' });
    await inside(there, 'touch /run/enough; until [ -e /run/over ]; do sleep 0.1; done');
    expect(await inside(there, CHECK)).toBe('/root/large: OK');
    expect(await vzmigrate(back(), '--online')).toMatchObject({ code: 0, stderr: '' });
    expect(await inside(here, CHECK)).toBe('/root/large: OK');
  });
});

describe('with its console', () => {
  const services: Service[] = [];
  afterEach(async () => {
    for (const at of [here, there]) await at.vzctl(['stop', '101', '--fast']);
    for (const service of services.splice(0)) await service.kill('SIGTERM');
    for (const at of [here, there]) await untilKeeperIsGone(at);
    // As on hosts that never had a service.
    for (const at of [here, there]) rmSync(`${at.rootDir}/var/lib/vz/service.json`, { force: true });
  });

  it('goes from one node service to another', { tags: ['slow'] }, async () => {
    services.push(await Service.start(here), await Service.start(there));
    await here.create(101, '--layout', 'overlay:directory');
    await here.good('start', '101', '--wait');
    await inside(here, 'echo written there >/dev/console');
    expect(await vzmigrate(onward(), '--online')).toMatchObject({ code: 0, stderr: '' });
    await services[1]?.until(/container 101 started/);
    await there.vzctl(['exec2', '101', 'echo written here >/dev/console']);
    await eventually(async () => expect(await there.good('logs', '101')).toContain('written here'));
    await there.vzctl(['exec2', '101', 'reboot -f']);
    await services[1]?.until(/container 101 started/, 2);
  });
});

describe('without them', () => {
  it('is stopped, and started there', async () => {
    await begin('--layout', 'overlay:directory');
    await inside(here, 'echo kept > /root/file');
    expect(await vzmigrate(onward())).toMatchObject({ code: 0, stderr: '' });
    expect([await status(here), await status(there)]).toEqual([GONE, RUNS]);
    expect(await inside(there, 'cat /root/file; ls /run/count 2>/dev/null')).toBe('kept');
  });

  it('is there even if it does not start there, which is told', { tags: ['slow'] }, async () => {
    await begin('--layout', 'overlay:directory');
    await there.shell(
      'mkdir -p "$1/etc/vz/conf"; printf "#!/bin/sh\\nexit 3\\n" > "$1/etc/vz/conf/vps.premount"; chmod 755 "$1/etc/vz/conf/vps.premount"',
      there.rootDir,
    );
    try {
      const { code, stderr } = await vzmigrate(onward());
      expect([code, stderr]).toEqual([7, expect.stringContaining('(there)')]);
      expect([await status(here), await status(there)]).toEqual([GONE, 'CTID 101 exist unmounted down']);
    } finally {
      await there.shell('rm "$1/etc/vz/conf/vps.premount"', there.rootDir);
    }
  });

  it('stays stopped where it was, with a config and an area that are kept on request', async () => {
    await here.create(101, '--layout', 'overlay:directory', '--name', 'mover');
    expect(await vzmigrate(onward(), '-r', 'no')).toMatchObject({ code: 0, stderr: '' });
    expect(await status(there)).toBe('CTID 101 exist unmounted down');
    expect(existsSync(`${here.rootDir}/etc/vz/conf/101.conf.migrated`)).toBe(true);
    expect(existsSync(`${here.rootDir}/var/lib/vz/private/101`)).toBe(true);
    expect(readFileSync(`${there.rootDir}/etc/vz/conf/101.conf`, 'utf8')).toContain('NAME="mover"');
    await here.shell('rm -rf "$1/var/lib/vz/private/101" "$1"/etc/vz/conf/101.conf.migrated', here.rootDir);
  });
});

describe('refuses', () => {
  it('what is there already, does not run, or does not exist, and says so with statuses of OpenVZ', async () => {
    expect(await vzmigrate(onward())).toMatchObject({ code: 10, stderr: 'container 101 does not exist\n' });
    await here.create(101);
    expect(await vzmigrate(onward(), '--online')).toMatchObject({
      code: 2,
      stderr: 'container 101 is not running\n',
    });
    expect(await vzmigrate(onward(), '--check-only')).toMatchObject({ code: 0 });
    expect(await vzmigrate(onward(), '--mode', 'stop')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('a mode is for a container that goes with its processes'),
    });
    await there.create(101);
    expect(await vzmigrate(onward())).toMatchObject({
      code: 9,
      stderr: 'container 101 exists already (there)\n',
    });
    expect(await here.run('vzmigrate', ['--ssh-command', '/bin/false', 'peer', '101'])).toMatchObject({
      code: 4,
    });
    expect(await here.run('vzmigrate', ['-oProxyCommand=x', '101'])).toMatchObject({ code: 1 });
    expect(await here.run('vzmigrate', ['--', '-oProxyCommand=x', '101'])).toMatchObject({
      code: 1,
      stderr: "'-oProxyCommand=x' is no host\n",
    });
    expect([await status(here), await status(there)]).toEqual(Array(2).fill('CTID 101 exist unmounted down'));
  });
});
