/** The node service is killed at the worst of times: nothing is lost, and nothing runs twice. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, initOf, pretendReboot, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const IDS = [101, 102, 103, 104, 105, 106];
const sandbox = useSandbox({ clear: IDS });
let service: Service | undefined;

afterEach(async () => {
  for (const ctid of IDS) await sandbox.vzctl(['stop', String(ctid), '--fast']);
  await service?.kill('SIGTERM');
  service = undefined;
  await untilKeeperIsGone(sandbox);
});

async function begin(): Promise<Service> {
  service = await Service.start(sandbox);
  return service;
}

/** Inits of this sandbox's containers, by the control groups that they are in. */
function inits(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) =>
      IDS.some(
        (ctid) => existsSync(`${sandbox.rootDir}/run/vz/${ctid}.json`) && initOf(sandbox, ctid) === pid,
      ),
    );
}

describe('killed during the starts of a boot', () => {
  it.each([1, 2, 3])('twice, round %i: all that is to run runs, once', { tags: ['slow'] }, async (round) => {
    for (const ctid of IDS) await sandbox.create(ctid, '--onboot', 'yes');
    await (await begin()).kill('SIGTERM');
    for (const ctid of IDS) await sandbox.vzctl(['stop', String(ctid), '--fast']);
    pretendReboot(sandbox);
    for (let kill = 0; kill < 2; kill += 1) {
      await begin();
      await sleep(20 + 60 * kill + 45 * round);
      await service?.kill();
    }
    await begin();
    await eventually(async () => {
      const { stdout } = await sandbox.run('vzlist', ['-1']);
      expect(stdout.trim().split(/\s+/).map(Number)).toEqual(IDS);
    });
    expect(inits()).toHaveLength(IDS.length);
  });
});

describe('killed while containers run', () => {
  it('learns of a reboot and of the end that came meanwhile', async () => {
    await sandbox.create(101);
    await sandbox.create(102);
    await begin();
    await sandbox.good('start', '101');
    await sandbox.good('start', '102');
    const before = initOf(sandbox, 101);
    await service?.kill();
    await sandbox.vzctl(['exec', '101', 'reboot -f']);
    await sandbox.vzctl(['exec', '102', 'poweroff -f']);
    await eventually(() => expect(existsSync(`/proc/${before}`)).toBe(false));
    // Some verb gets there first, and must not make it forgotten.
    await sandbox.vzctl(['set', '101', '--description', 'anything', '--save']);
    const next = await begin();
    await next.until(/container 101 started/);
    await eventually(async () =>
      expect((await sandbox.vzctl(['status', '102'])).stdout).toBe('CTID 102 exist unmounted down\n'),
    );
    expect(initOf(sandbox, 101)).not.toBe(before);
  });

  it('has them go on, their consoles too', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    await begin();
    await sandbox.good('start', '101');
    await sandbox.vzctl(['exec', '101', 'echo before > /dev/console']);
    for (let kill = 0; kill < 2; kill += 1) {
      await service?.kill();
      // Nobody reads it: still nobody is held up.
      expect(await sandbox.vzctl(['exec2', '101', 'head -c 300000 /dev/zero > /dev/console'])).toMatchObject({
        code: 0,
      });
      await begin();
    }
    await sandbox.vzctl(['exec', '101', 'echo after > /dev/console']);
    await eventually(async () => expect(await sandbox.good('logs', '101')).toMatch(/before[\s\S]*after/));
  });

  it('loses at most the consoles when the keeper is killed', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    const running = await begin();
    await sandbox.good('start', '101');
    const keeper = Number(
      /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${initOf(sandbox, 101)}/status`, 'utf8'))?.[1],
    );
    expect(readFileSync(`/proc/${keeper}/comm`, 'utf8')).toBe('cella-keeper\n');
    process.kill(keeper, 'SIGKILL');
    expect((await sandbox.vzctl(['exec', '101', 'echo still'])).stdout).toBe('still\n');
    await eventually(() => expect(existsSync(`/proc/${keeper}`)).toBe(false));
    await sandbox.good('restart', '101', '--fast');
    await sandbox.vzctl(['exec', '101', 'reboot -f']);
    await running.until(/container 101 ended .*how=rebooted/);
  });
});

describe('a container that was started while there was no service', { tags: ['slow'] }, () => {
  it('is started again when it reboots', async () => {
    await sandbox.create(101);
    await (await begin()).kill('SIGTERM');
    await untilKeeperIsGone(sandbox);
    await sandbox.good('start', '101');
    const before = initOf(sandbox, 101);
    const running = await begin();
    await running.until(/container 101 adopted/);
    await sandbox.vzctl(['exec', '101', 'reboot -f']);
    await running.until(/container 101 started/);
    expect(initOf(sandbox, 101)).not.toBe(before);
  });

  it('is cleaned up after even if nobody can know how it ended', async () => {
    await sandbox.create(101);
    await sandbox.shell('rm -f "$1"', `${sandbox.rootDir}/var/lib/vz/service.json`);
    await sandbox.good('start', '101');
    const running = await begin();
    await sandbox.vzctl(['exec', '101', 'reboot -f']);
    await running.until(/container 101 ended how=unknown/);
    expect((await sandbox.vzctl(['status', '101'])).stdout).toBe('CTID 101 exist unmounted down\n');
  });
});
