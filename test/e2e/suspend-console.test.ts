/** Suspended containers of the node service: their consoles are there again, and how they end is known as before. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { ServiceClient } from '../../dist/service/index.js';
import { findCriu } from '../../src/host/criu/find.js';
import {
  eventually,
  initOf,
  pretendReboot,
  Service,
  untilKeeperIsGone,
  watchConsole,
} from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'], clear: [101] });
const inside = (command: string) => sandbox.vzctl(['exec2', '101', command]);
const status = async (): Promise<string> => (await sandbox.vzctl(['status', '101'])).stdout.trim();
const RUNNING = 'CTID 101 exist mounted running';
const SUSPENDED = 'CTID 101 exist unmounted down suspended';
let service: Service | undefined;

async function serve(): Promise<Service> {
  service = await Service.start(sandbox);
  return service;
}

/** A new one of a service that runs. */
async function begin(...options: readonly string[]): Promise<Service> {
  const running = await serve();
  await sandbox.create(101, '--layout', 'overlay:directory', ...options);
  await sandbox.good('start', '101', '--wait');
  return running;
}

afterEach(async () => {
  await sandbox.vzctl(['stop', '101', '--fast']);
  await service?.kill('SIGTERM');
  service = undefined;
  await untilKeeperIsGone(sandbox);
  // As on a host that never had a service.
  rmSync(`${sandbox.rootDir}/var/lib/vz/service.json`, { force: true });
});

function expectKept(): void {
  const told = readFileSync(`/proc/${initOf(sandbox, 101)}/status`, 'utf8');
  const parent = /^PPid:\t(\d+)$/m.exec(told)?.[1];
  expect(readFileSync(`/proc/${parent}/comm`, 'utf8')).toBe('cella-keeper\n');
}

async function suspendAndResume(): Promise<void> {
  await sandbox.good('suspend', '101');
  expect(await status()).toBe(SUSPENDED);
  await sandbox.good('resume', '101');
  expect(await status()).toBe(RUNNING);
  expectKept();
}

const watch = () => watchConsole(sandbox, 101);

/** What is typed reaches the guest, and what it writes is seen and kept. */
async function expectConsole(word: string): Promise<void> {
  const { stream, seen } = await watch();
  // What was typed before, and nobody has read, comes first.
  const read = `until [ "$line" = '${word}' ]; do read line </dev/console; done`;
  const answer = inside(`${read}; echo "got $line" >/dev/console`);
  await eventually(async () => {
    stream.write(`${word}\n`);
    await sleep(200);
    expect(seen()).toContain(`got ${word}`);
  });
  stream.destroy();
  expect(await answer).toMatchObject({ code: 0 });
  await eventually(async () => expect(await sandbox.good('logs', '101')).toContain(`got ${word}`));
}

describe('a console', () => {
  it('is there again, and who watches it goes on seeing it', async () => {
    await begin();
    expect(await sandbox.run('cella', ['check', '--checkpoint', '101'])).toMatchObject({ code: 0 });
    await inside('stty rows 50 columns 132 </dev/console; echo before >/dev/console');
    const { stream, seen } = await watch();
    await eventually(() => expect(seen()).toContain('before'));
    await suspendAndResume();
    expect((await inside('stty size </dev/console; readlink /proc/1/fd/1')).stdout).toMatch(
      /^50 132\n\/dev\/(console|pts\/0)\n$/,
    );
    await inside('echo afterwards >/dev/console');
    await eventually(() => expect(seen()).toContain('afterwards'));
    await expectConsole('once');
    await suspendAndResume();
    await expectConsole('twice');
    expect(await sandbox.good('logs', '101')).toMatch(/before\n[\s\S]*once\n[\s\S]*twice\n/);
    stream.destroy();
  });

  it('is there again where nobody has it open', { tags: ['slow'] }, async () => {
    await serve();
    await sandbox.create(101, '--layout', 'overlay:directory');
    const script = `${sandbox.rootDir}/init`;
    const init = '#!/bin/sh\nexec </dev/null >/dev/null 2>&1\nwhile :; do sleep 1; done';
    writeFileSync(script, `rm -f /sbin/init; printf '${init}\n' >/sbin/init; chmod 755 /sbin/init\n`);
    await sandbox.good('runscript', '101', script);
    await sandbox.good('start', '101');
    for (const word of ['once', 'twice', 'thrice']) {
      await suspendAndResume();
      expect((await inside('grep -c " /dev/console " /proc/1/mountinfo; ls /dev/pts')).stdout).toBe(
        '1\n0\nptmx\n',
      );
      await expectConsole(word);
    }
  });

  it('is kept while there is no service, which finds it when it comes', { tags: ['slow'] }, async () => {
    const first = await begin();
    await sandbox.good('suspend', '101');
    await first.kill('SIGKILL');
    await sandbox.good('resume', '101');
    expectKept();
    // Nobody is held up by what nobody reads.
    expect(await inside('seq 20000 >/dev/console')).toMatchObject({ code: 0 });
    const second = await serve();
    await second.until(/container 101 adopted/);
    await expectConsole('kept');
    await second.kill('SIGKILL');
    await serve();
    await expectConsole('kept on');
  });

  it('is kept where there never was a service', { tags: ['slow'] }, async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    const container = (await openHost({ rootDir: sandbox.rootDir })).container(101);
    const { console: terminal } = await container.start({ console: true });
    await container.suspend();
    terminal?.terminal.destroy();
    await sandbox.good('resume', '101');
    expectKept();
    expect(await inside('seq 20000 >/dev/console')).toMatchObject({ code: 0 });
    expect(existsSync(`${sandbox.rootDir}/var/lib/vz/service.json`)).toBe(false);
  });

  it('is the caller’s who asks for it', { tags: ['slow'] }, async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    const container = (await openHost({ rootDir: sandbox.rootDir })).container(101);
    const before = await container.start({ console: true });
    await container.suspend();
    before.console?.terminal.destroy();
    const { pid, console: terminal } = await container.resume({ console: true });
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toContain(`\nPPid:\t${process.pid}\n`);
    let seen = '';
    terminal?.terminal.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
    });
    await inside('echo here >/dev/console');
    await eventually(() => expect(seen).toContain('here'));
    await container.stop({ fast: true });
    terminal?.terminal.destroy();
  });
});

describe('a guest that was resumed', () => {
  it('reboots and powers off as before', async () => {
    const running = await begin();
    await suspendAndResume();
    await running.until(/container 101 started/, 2);
    await inside('reboot');
    await running.until(/container 101 ended .*how=rebooted/);
    await running.until(/container 101 started/, 3);
    await eventually(async () => expect(await status()).toBe(RUNNING));
    await expectConsole('rebooted');
    await suspendAndResume();
    await inside('poweroff');
    await running.until(/container 101 ended .*how=powered-off/);
    expect(await status()).toBe('CTID 101 exist unmounted down');
  });

  it('may do so while there is no service', { tags: ['slow'] }, async () => {
    const first = await begin();
    await suspendAndResume();
    await first.kill('SIGKILL');
    await inside('reboot');
    await eventually(() => expect(existsSync(`/proc/${initOf(sandbox, 101)}`)).toBe(false));
    await (await serve()).until(/container 101 started/);
    expectKept();
  });
});

describe('a CRIU of the keeper', { tags: ['slow'] }, () => {
  it.each([
    ['exit 1', 'criu ended without an answer'],
    ['kill -9 $$', 'criu ended without an answer'],
    ['exit 0', 'criu ended without an answer'],
  ])('that does "%s" leaves the state as it is', async (end, message) => {
    await begin();
    await sandbox.good('suspend', '101');
    const criu = `${sandbox.rootDir}/criu`;
    const { program } = await findCriu();
    // It tells its version, and that is all.
    const script = `[ -e "$0.asked" ] && { rm "$0.asked"; ${end}; }; : >"$0.asked"; exec '${program}' "$@"`;
    writeFileSync(criu, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    expect(await sandbox.vzctl(['resume', '101'], { env: { CELLA_CRIU: criu } })).toMatchObject({
      code: 17,
      stderr: `container 101 cannot be resumed: ${message}\n`,
    });
    expect(await status()).toBe(SUSPENDED);
    await sandbox.good('resume', '101');
    await expectConsole('whole');
  });
});

describe('the service', () => {
  it('resumes at boot what was suspended', { tags: ['slow'] }, async () => {
    const first = await begin('--onboot', 'yes');
    await inside('echo there >/run/mark');
    await sandbox.good('suspend', '101');
    await first.kill('SIGTERM');
    pretendReboot(sandbox);
    await (await serve()).until(/container 101 started/);
    await eventually(async () => expect(await status()).toBe(RUNNING));
    expect((await inside('cat /run/mark')).stdout).toBe('there\n');
    expectKept();
    await expectConsole('booted');
  });

  it('does both when it is asked', { tags: ['slow'] }, async () => {
    await begin();
    const client = new ServiceClient(sandbox.rootDir);
    const call = (verb: string, body = {}) => client.call('POST', `/v1/containers/101/${verb}`, body);
    expect(await call('suspend')).toEqual({});
    expect(await status()).toBe(SUSPENDED);
    expect(await call('resume')).toEqual({ pid: initOf(sandbox, 101) });
    await expectConsole('asked');
    await expect(call('resume')).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    await expect(call('suspend', { dump: '/x' })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

describe('a kill', { tags: ['slow'] }, () => {
  it.each([
    ['resume.placed', SUSPENDED],
    ['resume.restored', SUSPENDED],
    ['resume.kept', 'CTID 101 exist unmounted down'],
    ['resume.runs', RUNNING],
  ])('at %s leaves what the next command makes "%s"', async (point, then) => {
    const running = await begin();
    await sandbox.good('suspend', '101');
    expect(await sandbox.vzctl(['resume', '101'], { env: { CELLA_FAULT: point } })).toMatchObject({
      signal: 'SIGKILL',
    });
    // CRIU ends what it has begun when nobody asks for it any more.
    await sleep(1000);
    await sandbox.vzctl(['set', '101', '--description', 'looked after', '--save']);
    expect(await status()).toBe(then);
    if (then === SUSPENDED) await sandbox.good('resume', '101');
    if (then === 'CTID 101 exist unmounted down') await sandbox.good('start', '101');
    await expectConsole('killed');
    await inside('poweroff');
    await running.until(/container 101 ended .*how=powered-off/);
    rmSync(`${sandbox.rootDir}/var/lib/vz/dump/Dump.101.fail`, { recursive: true, force: true });
  });
});
