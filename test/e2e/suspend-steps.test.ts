/** suspend and resume in steps, for scripts: chkpnt --suspend, --dump, --kill, --resume; restore --undump, --resume, --kill. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'] });
const networks = useNetworks(sandbox, 101);
const vzctl = (...args: readonly string[]) => networks.vzctl(...args);
const good = (...args: readonly string[]) => networks.good(...args);
const dumps = (): readonly string[] =>
  existsSync(`${sandbox.rootDir}/var/lib/vz/dump`) ? readdirSync(`${sandbox.rootDir}/var/lib/vz/dump`) : [];
const record = () => JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/101.json`, 'utf8'));
const status = async (): Promise<string> => (await vzctl('status', '101')).stdout.trim();

const SOON = { timeout: 20_000 };
const RUNNING = 'CTID 101 exist mounted running';
const STOPPED = 'CTID 101 exist unmounted down';
const SUSPENDED = `${STOPPED} suspended`;
const COUNTER = `(i=0; while :; do i=$((i + 1)); echo $i >/run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 &
  (nc -ll -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 0.3`;

/** Seen from outside: a command in it would wait. */
const count = (): number => Number(readFileSync(`/proc/${record().init.pid}/root/run/count`, 'utf8'));

async function start(): Promise<void> {
  await networks.start(101, '--layout', 'overlay:directory', '--ipadd', '192.0.2.10');
  await networks.inside(101, COUNTER);
}

async function expectStill(): Promise<void> {
  const before = count();
  await sleep(500);
  expect(count()).toBe(before);
}

async function expectRunning(): Promise<void> {
  const before = count();
  await expect.poll(count, SOON).toBeGreaterThan(before);
  expect(await networks.wan.run('echo hello | busybox nc -w 2 192.0.2.10 7000')).toBe('hello');
  expect(await status()).toBe(RUNNING);
}

describe('steps', () => {
  it('make a suspend and a resume', async () => {
    await start();
    await good('chkpnt', '101', '--suspend');
    await expectStill();
    const at = count();
    await good('chkpnt', '101', '--dump');
    await expectStill();
    await good('chkpnt', '101', '--kill');
    expect(await status()).toBe(SUSPENDED);
    await good('restore', '101', '--undump');
    await expectStill();
    expect(count()).toBe(at);
    await good('restore', '101', '--kill');
    expect(await status()).toBe(SUSPENDED);
    await good('restore', '101', '--undump');
    await good('restore', '101', '--resume');
    await expectRunning();
    expect([count() >= at, dumps()]).toEqual([true, []]);
    await good('suspend', '101');
    await good('resume', '101');
    await expectRunning();
  });

  it('let it go on before it is killed, and keep no state of it', { tags: ['slow'] }, async () => {
    await start();
    await good('chkpnt', '101', '--suspend');
    await good('chkpnt', '101', '--resume');
    await expectRunning();
    await good('chkpnt', '101', '--suspend');
    await good('chkpnt', '101', '--dump', '--flags', '0', '--context', '7');
    await good('chkpnt', '101', '--resume');
    await expectRunning();
    expect(dumps()).toEqual([]);
  });

  it('write a state elsewhere, whole as soon as it is written', { tags: ['slow'] }, async () => {
    await start();
    const place = `${sandbox.rootDir}/elsewhere`;
    await good('chkpnt', '101', '--suspend');
    await good('chkpnt', '101', '--dump', '--dumpfile', place);
    expect(JSON.parse(readFileSync(`${place}/cella.json`, 'utf8'))).toMatchObject({ ctid: 101 });
    await good('chkpnt', '101', '--kill');
    expect(await status()).toBe(STOPPED);
    await good('restore', '101', '--undump', '--dumpfile', place);
    await expectStill();
    await good('restore', '101', '--resume');
    await expectRunning();
    expect(existsSync(place)).toBe(false);
  });

  it('come one after the other', { tags: ['slow'] }, async () => {
    await start();
    for (const step of ['--dump', '--kill'])
      expect(await vzctl('chkpnt', '101', step)).toMatchObject({
        code: 16,
        stderr: expect.stringContaining('container 101 does not stand still'),
      });
    for (const step of ['--resume', '--kill'])
      expect(await vzctl('restore', '101', step)).toMatchObject({
        code: 17,
        stderr: expect.stringContaining('container 101 was not put back to be resumed'),
      });
    expect(await vzctl('chkpnt', '101', '--dump', '--kill')).toMatchObject({
      code: 21,
      stderr: 'one step at a time: --dump, --kill\n',
    });
    await expectRunning();
  });

  it('end with anything else that is done: it goes on, or is suspended as before', {
    tags: ['slow'],
  }, async () => {
    await start();
    await good('chkpnt', '101', '--suspend');
    await good('chkpnt', '101', '--dump');
    await vzctl('set', '101', '--description', 'looked after', '--save');
    await expectRunning();
    expect(dumps()).toEqual([]);
    await good('suspend', '101');
    await good('restore', '101', '--undump');
    await vzctl('set', '101', '--description', 'again', '--save');
    expect([await status(), dumps()]).toEqual([SUSPENDED, ['Dump.101']]);
    await good('resume', '101');
    await expectRunning();
  });

  it.each([
    ['dump.waits', '--dump', RUNNING],
    ['suspend.dumped', '--dump', RUNNING],
    ['suspend.killed', '--kill', SUSPENDED],
  ])(
    'killed at %s leave what the next command makes of it',
    { tags: ['slow'] },
    async (point, step, then) => {
      await start();
      await good('chkpnt', '101', '--suspend');
      if (step === '--kill') await good('chkpnt', '101', '--dump');
      expect(await networks.command('vzctl', ['chkpnt', '101', step], { CELLA_FAULT: point })).toMatchObject({
        signal: 'SIGKILL',
      });
      await sleep(500);
      await vzctl('set', '101', '--description', 'looked after', '--save');
      expect(await status()).toBe(then);
      if (then === SUSPENDED) await good('resume', '101');
      await expectRunning();
      expect(dumps()).toEqual([]);
    },
  );
});
