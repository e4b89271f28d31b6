/** The node service: what starts at boot, what becomes of guests that reboot and power off, and its own coming and going. */
import { appendFileSync, existsSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, initOf, pretendReboot, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const IDS = [101, 102, 103, 104, 105];
const sandbox = useSandbox({ clear: IDS });
let service: Service | undefined;

beforeAll(() => {
  appendFileSync(`${sandbox.rootDir}/etc/vz/vz.conf`, 'VE_PARALLEL="1"\n');
});

afterEach(async () => {
  for (const ctid of IDS) await sandbox.vzctl(['stop', String(ctid), '--fast']);
  await service?.kill('SIGTERM');
  service = undefined;
  await untilKeeperIsGone(sandbox);
});

const status = async (ctid: number): Promise<string> =>
  (await sandbox.vzctl(['status', String(ctid)])).stdout.trim().replace(/^CTID \d+ /, '');

async function begin(): Promise<Service> {
  service = await Service.start(sandbox);
  return service;
}

/** Ids in the order in which lines tell of them. */
function order(lines: readonly string[]): readonly number[] {
  return lines.map((line) => Number(/container (\d+)/.exec(line)?.[1]));
}

describe('at boot', () => {
  it('starts those that want to, the higher order first, whatever becomes of one of them', {
    tags: ['slow'],
  }, async () => {
    await sandbox.create(101, '--onboot', 'yes');
    await sandbox.create(102, '--onboot', 'yes', '--bootorder', '5');
    await sandbox.create(103, '--onboot', 'yes', '--bootorder', '7');
    await sandbox.create(104, '--onboot', 'yes', '--bootorder', '6');
    await sandbox.create(105);
    await sandbox.shell('sed -i s/busybox/nowhere/ "$1"', `${sandbox.rootDir}/etc/vz/conf/104.conf`);
    appendFileSync(`${sandbox.rootDir}/etc/vz/conf/105.conf`, 'ONBOOT="perhaps"\n');
    const { lines, until } = await attended();
    await until(/container 101 started/);
    expect(order(lines(/ started /))).toEqual([103, 102, 101]);
    expect(lines(/container 104 failed/)).toHaveLength(1);
    expect(lines(/container 105 warning/)).toHaveLength(1);
    await sandbox.shell('sed -i /perhaps/d "$1"', `${sandbox.rootDir}/etc/vz/conf/105.conf`);
  });

  it('starts what ran when the host went down, and stops it in reverse', { tags: ['slow'] }, async () => {
    await sandbox.create(101, '--bootorder', '1');
    await sandbox.create(102, '--bootorder', '2');
    await sandbox.create(103, '--bootorder', '3', '--onboot', 'no');
    await sandbox.create(104, '--bootorder', '4');
    const first = await begin();
    for (const ctid of [101, 102, 103]) await sandbox.good('start', String(ctid));
    await first.until(/ started /, 3);
    expect(await sandbox.run('cella', ['service', 'stop', '--containers'])).toMatchObject({ code: 0 });
    expect(await first.ended()).toBe(0);
    expect(order(first.lines(/ ended .*how=stopped/))).toEqual([101, 102, 103]);
    expect(await Promise.all([101, 102, 103].map(status))).toEqual(Array(3).fill('exist unmounted down'));
    pretendReboot(sandbox);
    const second = await begin();
    await second.until(/container 101 started/);
    expect(order(second.lines(/ started /))).toEqual([102, 101]);
    await second.kill('SIGTERM');
    // The same boot: nothing is left to start.
    await sandbox.good('stop', '101', '--fast');
    const third = await begin();
    await third.until(/container 102 adopted/);
    expect(await status(101)).toBe('exist unmounted down');
  });
});

/** Without its `this`. */
async function attended() {
  const running = await begin();
  return {
    lines: (pattern: RegExp) => running.lines(pattern),
    until: (pattern: RegExp) => running.until(pattern),
  };
}

describe('a guest', () => {
  it('that reboots is started again, and one that powers off is cleaned up after', async () => {
    await sandbox.create(101);
    const running = await begin();
    await sandbox.good('start', '101');
    const before = initOf(sandbox, 101);
    await sandbox.vzctl(['exec', '101', 'reboot']);
    await running.until(/container 101 started/, 2);
    expect(initOf(sandbox, 101)).not.toBe(before);
    await eventually(async () => expect(await status(101)).toBe('exist mounted running'));
    await sandbox.vzctl(['exec', '101', 'poweroff']);
    await running.until(/container 101 ended .*how=powered-off/);
    expect(await status(101)).toBe('exist unmounted down');
    expect(existsSync(`${sandbox.rootDir}/run/vz/101.json`)).toBe(false);
  });

  it('that does nothing but reboot is kept waiting', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    const running = await begin();
    await sandbox.good('start', '101');
    await sandbox.vzctl([
      'exec',
      '101',
      'sed -i "1i ::sysinit:/sbin/reboot -f" /etc/inittab; sync; reboot -f',
    ]);
    await running.until(/container 101 waiting milliseconds=2000/);
    // One that reboots before its start is done has that fail instead.
    expect(running.lines(/container 101 (ended .*how=rebooted|failed)/).length).toBeGreaterThan(1);
    // Whoever stops it is obeyed.
    await sandbox.vzctl(['stop', '101']);
    expect(existsSync(`${sandbox.rootDir}/run/vz/101.rebooting`)).toBe(false);
  });

  it('that was killed, or stopped, stays so', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    const running = await begin();
    await sandbox.good('start', '101');
    process.kill(initOf(sandbox, 101), 'SIGKILL');
    await running.until(/container 101 ended signal=9 how=died/);
    await sandbox.good('start', '101');
    await sandbox.good('stop', '101');
    await running.until(/container 101 ended .*how=stopped/);
    expect(await status(101)).toBe('exist unmounted down');
  });
});

describe('the service', () => {
  it('comes and goes without any container noticing', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    await (await begin()).kill('SIGTERM');
    await begin();
    await sandbox.good('start', '101');
    const before = initOf(sandbox, 101);
    await service?.kill('SIGTERM');
    const next = await begin();
    await next.until(/container 101 adopted/);
    expect(initOf(sandbox, 101)).toBe(before);
    await sandbox.vzctl(['exec', '101', 'reboot']);
    await next.until(/container 101 started/);
  });

  it('is one alone', { tags: ['slow'] }, async () => {
    await begin();
    expect(await sandbox.run('cella', ['service'])).toMatchObject({ code: 9 });
  });

  it('is asked by commands that are nothing without it', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    for (const words of [['console', '101'], ['events'], ['service', 'stop']]) {
      const { code, stderr } = await sandbox.run('cella', words);
      expect(code).toBe(3);
      expect(stderr).toMatch(/^the node service does not run\nStart it: /);
    }
  });
});
