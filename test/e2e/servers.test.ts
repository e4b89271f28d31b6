/** Whole servers under the node service: at boot, over a reboot from inside and one of the host, at their console. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceClient } from '../../dist/service/index.js';
import { initOf, pretendReboot, Service, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

/** Stock Debian, and one that serves mail. */
const SERVERS = { 101: 'debian-13', 102: 'mail' } as const;
const IDS = [101, 102];
const LIMIT = { timeout: process.env.CELLA_LANE === 'vm' ? 120_000 : 30_000 };

const sandbox = useSandbox({ keep: IDS });
let service: Service;

beforeAll(async () => {
  for (const [ctid, recipe] of Object.entries(SERVERS)) {
    await sandbox.createFrom(await sandbox.template(recipe), Number(ctid));
    await sandbox.good('set', ctid, '--onboot', 'yes', '--hostname', `host${ctid}`, '--save');
  }
  service = await Service.start(sandbox);
}, 1_200_000);

afterAll(async () => {
  await Promise.all(IDS.map((ctid) => sandbox.vzctl(['stop', String(ctid), '--fast'])));
  await service.kill('SIGTERM');
  await untilKeeperIsGone(sandbox);
});

const inside = async (ctid: number, command: string): Promise<string> =>
  (await sandbox.vzctl(['exec', String(ctid), command])).stdout.trim();

async function expectRunning(): Promise<void> {
  for (const ctid of IDS)
    await expect.poll(() => inside(ctid, 'systemctl is-system-running'), LIMIT).toBe('running');
  await expect.poll(() => inside(102, 'systemctl is-active postfix dovecot'), LIMIT).toBe('active\nactive');
}

const inits = (): readonly number[] => IDS.map((ctid) => initOf(sandbox, ctid));

describe('servers', () => {
  it('are started at boot, with their consoles', async () => {
    await expectRunning();
    expect(await inside(101, 'systemctl is-active console-getty; hostname')).toBe('active\nhost101');
  });

  it('let somebody in at the console, who gets a session', async () => {
    await inside(101, 'useradd --create-home --shell /bin/sh alice');
    await sandbox.good('set', '101', '--userpasswd', 'alice:a quiet word');
    const stream = await new ServiceClient(sandbox.rootDir).console(101);
    let seen = '';
    stream.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
    });
    const says = async (pattern: RegExp, answer: string): Promise<void> => {
      await expect.poll(() => seen, LIMIT).toMatch(pattern);
      seen = '';
      stream.write(`${answer}\n`);
    };
    try {
      stream.write('\n');
      await says(/host101 login: $/, 'alice');
      await says(/Password: $/, 'a quiet word');
      await says(/\$ $/, 'tty; echo "session $XDG_SESSION_ID"');
      await expect.poll(() => seen, LIMIT).toMatch(/^\/dev\/console\r\nsession c?\d+\r$/m);
      expect(await inside(101, 'loginctl list-sessions --no-legend')).toMatch(/ alice /);
      stream.write('exit\n');
    } finally {
      stream.destroy();
    }
  });

  it('come back when they reboot', async () => {
    const before = inits();
    for (const ctid of IDS) await inside(ctid, 'touch /root/kept; systemctl reboot');
    await service.until(/ ended .*how=rebooted/, 2);
    await service.until(/ started /, 4);
    await expectRunning();
    expect(inits().filter((pid) => before.includes(pid))).toEqual([]);
    for (const ctid of IDS) expect(await inside(ctid, 'ls /root')).toBe('kept');
  });

  it('come back when the host reboots, which shut them down in order', async () => {
    expect(await sandbox.run('cella', ['service', 'stop', '--containers'])).toMatchObject({ code: 0 });
    expect(await service.ended()).toBe(0);
    expect(service.lines(/ ended .*how=stopped/)).toHaveLength(2);
    pretendReboot(sandbox);
    service = await Service.start(sandbox);
    await service.until(/ started /, 2);
    await expectRunning();
    expect(await inside(102, 'ls /root')).toBe('kept');
  });
});
