/** Suspended containers: their processes, memory, connections and limits are there again, and never twice. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { findCriu } from '../../src/host/criu/find.js';
import { DIRECTORY, HEAD } from '../helpers/criu-tar.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'], clear: [101] });
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const dump = () => `${sandbox.rootDir}/var/lib/vz/dump/Dump.101`;
const status = async (): Promise<string> => (await vzctl('status', '101')).stdout.trim();
const inside = async (command: string): Promise<string> =>
  (await vzctl('exec', '101', command)).stdout.trim();
const record = () => JSON.parse(readFileSync(`${sandbox.rootDir}/run/vz/101.json`, 'utf8'));

const readMountsOf = (pid: number | 'self'): readonly string[] =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');

/** A command may take seconds. */
const SOON = { timeout: 20_000 };
const RUNNING = 'CTID 101 exist mounted running';
const SUSPENDED = 'CTID 101 exist unmounted down suspended';

/** It counts, in memory alone. */
const COUNTER =
  '(i=0; while :; do i=$((i + 1)); echo $i >/run/count; sleep 0.05; done) </dev/null >/dev/null 2>&1 & echo $! >/run/counter; sleep 0.3';
const count = async (): Promise<number> => Number(await inside('cat /run/count'));

async function startCounting(...options: readonly string[]): Promise<void> {
  const layout = options.includes('--layout') ? [] : ['--layout', 'overlay:directory'];
  await sandbox.create(101, ...layout, ...options);
  await sandbox.good('start', '101', '--wait');
  await inside(COUNTER);
}

describe('a suspended container', () => {
  it('goes on where it was', async () => {
    await startCounting();
    const [before, pid] = [await count(), await inside('cat /run/counter')];
    expect(await sandbox.good('suspend', '101')).toMatch(
      /^Setting up checkpoint\.\.\.\n(.*\n)*Checkpointing completed successfully\n$/,
    );
    expect(await status()).toBe(SUSPENDED);
    expect((await sandbox.run('vzlist', ['-a', '-H', '-o', 'ctid,status'])).stdout).toMatch(
      /^ +101 suspended *\n$/,
    );
    expect(await sandbox.good('resume', '101')).toMatch(
      /^Restoring container\.\.\.\n(.*\n)*Restoring completed successfully\n$/,
    );
    // To the host it is as after a start, and the container's own is the container's own.
    const mounted = readMountsOf('self').find((line) =>
      line.includes(` ${sandbox.rootDir}/var/lib/vz/root/101 `),
    );
    expect(mounted).toMatch(/ rw,nosuid,nodev,/);
    expect(readMountsOf(record().init.pid).find((line) => line.includes(' / / '))).not.toContain('nosuid');
    expect(await status()).toBe(RUNNING);
    const after = await count();
    expect(after).toBeGreaterThanOrEqual(before);
    expect(await inside(`kill -0 ${pid} && echo alive`)).toBe('alive');
    await expect.poll(count, SOON).toBeGreaterThan(after + 3);
    expect(existsSync(dump())).toBe(false);
  });

  it('has its tmpfs packed by our own program, where its root can reach that', async () => {
    const reached = spawnSync(`${DIRECTORY}/tar`, ['--version'], { uid: 65534, gid: 65534 }).status === 0;
    await startCounting();
    await sandbox.good('suspend', '101');
    const images = readdirSync(`${dump()}/images`).filter((name) => name.startsWith('tmpfs-dev-'));
    expect(images).not.toEqual([]);
    for (const name of images) {
      const begin = readFileSync(`${dump()}/images/${name}`).subarray(0, HEAD.length);
      expect(begin.equals(HEAD)).toBe(reached);
    }
    await sandbox.good('resume', '101');
  });

  it.each(['overlay:image', 'plain:image', 'plain:directory'])(
    'goes on where it was, with files in %s',
    { tags: ['slow'] },
    async (layout) => {
      await startCounting('--layout', layout, '--diskspace', '128M');
      // A file that it has open and that is gone, and one that it writes to.
      await inside(
        `cd /root; echo lost >gone; (exec 3<gone 4>>log; rm gone; while :; do echo x >&4; sleep 0.05; done) </dev/null >/dev/null 2>&1 & sleep 0.3`,
      );
      for (let round = 0; round < 2; round += 1) {
        const before = await count();
        const lines = Number(await inside('wc -l </root/log'));
        await sandbox.good('suspend', '101');
        await sandbox.good('resume', '101');
        await expect.poll(count, SOON).toBeGreaterThan(before);
        await expect.poll(async () => Number(await inside('wc -l </root/log')), SOON).toBeGreaterThan(lines);
      }
    },
  );

  it('is dumped between two looks of its own at descriptors, which could not be opened again', {
    tags: ['slow'],
  }, async () => {
    await startCounting();
    await inside('(while :; do cat /proc/1/fdinfo/* /proc/self/fdinfo/*; done) </dev/null >/dev/null 2>&1 &');
    for (let round = 0; round < 5; round += 1) {
      await sandbox.good('suspend', '101');
      await sandbox.good('resume', '101');
    }
  });

  it('does so again and again', { timeout: 300_000, tags: ['slow'] }, async () => {
    await startCounting();
    for (let round = 0; round < 20; round += 1) {
      const before = await count();
      await sandbox.good('chkpnt', '101');
      await sandbox.good('restore', '101');
      expect(await count()).toBeGreaterThanOrEqual(before);
    }
    expect(await inside('ps | grep -c "sleep 0.05"')).not.toBe('0');
    expect(await sandbox.good('stop', '101', '--fast')).toContain('Container was stopped');
  });

  it('has its limits, its clocks and its confinement as before', async () => {
    await startCounting('--ram', '96M', '--numproc', '77');
    const limits = () =>
      (record().cgroups as readonly string[]).flatMap((at) =>
        ['memory.max', 'memory.limit_in_bytes', 'pids.max']
          .map((file) => `${at}/${file}`)
          .filter(existsSync)
          .map((path) => `${path}: ${readFileSync(path, 'utf8').trim()}`),
      );
    const confined = () =>
      inside(
        "grep -E '^(Seccomp|CapBnd|CapEff|NoNewPrivs)' /proc/1/status; cat /proc/self/uid_map; hostname",
      );
    const mounts = () => inside("awk '{ print $2, $3, $4 }' /proc/1/mounts | sed 's/uuid=on,//' | sort");
    const before = [
      limits(),
      await confined(),
      await mounts(),
      Number((await inside('cat /proc/uptime')).split(' ')[0]),
    ];
    expect(before[0]).not.toEqual([]);
    await sandbox.good('suspend', '101');
    await sandbox.good('resume', '101');
    expect([limits(), await confined(), await mounts()]).toEqual(before.slice(0, 3));
    expect(Number((await inside('cat /proc/uptime')).split(' ')[0])).toBeGreaterThan(Number(before[3]));
  });

  it('keeps its state from others, in a place of one’s own too', { tags: ['slow'] }, async () => {
    await startCounting();
    const place = `${sandbox.rootDir}/elsewhere`;
    await sandbox.good('suspend', '101', '--dumpfile', place);
    expect(statSync(place).mode & 0o777).toBe(0o700);
    expect(statSync(`${place}/cella.json`).mode & 0o777).toBe(0o600);
    expect(await status()).toBe('CTID 101 exist unmounted down');
    await sandbox.good('resume', '101', '--dumpfile', place);
    expect(await status()).toBe(RUNNING);
    expect(existsSync(place)).toBe(false);
  });

  it('begins anew when it is started, and its state is gone', { tags: ['slow'] }, async () => {
    await startCounting();
    await sandbox.good('suspend', '101');
    await sandbox.good('start', '101');
    expect(await inside('cat /run/count 2>/dev/null')).toBe('');
    expect([existsSync(dump()), await status()]).toEqual([false, RUNNING]);
    expect(await vzctl('resume', '101')).toMatchObject({ code: 32 });
  });

  it('is destroyed with its state, and not changed beneath it', async () => {
    await startCounting();
    await sandbox.good('suspend', '101');
    expect(await vzctl('convert', '101', '--layout', 'plain:directory')).toMatchObject({
      code: 32,
      stderr: expect.stringContaining('container 101 is suspended'),
    });
    await sandbox.good('destroy', '101');
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/dump`)).toEqual([]);
  });
});

describe('what cannot be', () => {
  it('is said in one sentence, and the container goes on', async () => {
    await startCounting();
    const command = sandbox.spawn('vzctl', ['exec', '101', 'exec sleep 1000']);
    await expect.poll(() => inside('ps | grep -c "[s]leep 1000"'), SOON).toBe('1');
    expect(await vzctl('suspend', '101')).toMatchObject({
      code: 16,
      stderr: expect.stringMatching(
        /^container 101 cannot be suspended: a command that "exec" or "enter" has begun still runs: sleep .*\n$/,
      ),
    });
    expect(await sandbox.run('cella', ['check', '--checkpoint', '101'])).toMatchObject({
      code: 16,
      stdout: expect.stringMatching(/^a command that "exec" or "enter" has begun still runs: sleep .*\n$/),
    });
    const before = await count();
    await expect.poll(count, SOON).toBeGreaterThan(before);
    await inside('kill $(pidof sleep)');
    await command.ended;
    expect(await status()).toBe(RUNNING);
    expect([dump(), `${dump()}.new`].filter(existsSync)).toEqual([]);
  });

  it('waits for pressure', { tags: ['slow'] }, async () => {
    await startCounting();
    await inside(
      'mkdir /sys/fs/cgroup/watched && (sleep 1000 </dev/null >/dev/null 2>&1 3<>/sys/fs/cgroup/watched/memory.pressure &)',
    );
    expect(await vzctl('suspend', '101')).toMatchObject({
      code: 16,
      stderr: expect.stringMatching(/cannot be suspended: sleep uses notifications of pressure \(PSI\)/),
    });
  });

  it('is a debugger', { tags: ['slow'] }, async () => {
    await startCounting();
    const check = () => sandbox.run('cella', ['check', '--checkpoint', '101']);
    expect(await check()).toMatchObject({ code: 0, stdout: 'it can be suspended\n' });
    const counter = Number(await inside('cat /run/counter'));
    const pid = readFileSync(`/proc/${record().init.pid}/task/${record().init.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .find((child) => readFileSync(`/proc/${child}/status`, 'utf8').includes(`\t${counter}\n`));
    const debuggerOfHost = spawn('strace', ['-q', '-o', '/dev/null', '-p', String(pid)], { stdio: 'ignore' });
    await expect
      .poll(async () => (await check()).stdout, { timeout: 10_000 })
      .toMatch(/^a debugger traces sh .*\n$/);
    expect(await vzctl('suspend', '101')).toMatchObject({
      code: 16,
      stderr: expect.stringContaining('container 101 cannot be suspended: a debugger traces sh'),
    });
    debuggerOfHost.kill('SIGTERM');
    await expect.poll(async () => (await check()).code, { timeout: 10_000 }).toBe(0);
  });

  it('is refused before anything is done', { tags: ['slow'] }, async () => {
    await sandbox.create(101);
    expect(await vzctl('suspend', '101')).toMatchObject({ code: 31 });
    expect(await vzctl('resume', '101')).toMatchObject({
      code: 17,
      stderr: expect.stringContaining('container 101 is not suspended'),
    });
    await vzctl('set', '101', '--features', 'nesting:on', '--save');
    await vzctl('start', '101');
    expect(await vzctl('suspend', '101')).toMatchObject({
      code: 16,
      stderr: expect.stringContaining('container 101 cannot be suspended: containers may run in it'),
    });
    expect(await status()).toBe(RUNNING);
  });

  it('is a CRIU that ends, or that there is none of', { tags: ['slow'] }, async () => {
    await startCounting();
    const criu = `${sandbox.rootDir}/criu`;
    const { program } = await findCriu();
    // It tells its version, and that is all.
    const script = `[ -e "$0.asked" ] && exit 1; : >"$0.asked"; exec '${program}' "$@"`;
    writeFileSync(criu, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const suspended = () => sandbox.vzctl(['suspend', '101'], { env: { CELLA_CRIU: criu } });
    expect(await suspended()).toMatchObject({
      code: 16,
      stderr: 'container 101 goes on, it cannot be suspended: criu ended without an answer\n',
    });
    const before = await count();
    await expect.poll(count, SOON).toBeGreaterThan(before);
    rmSync(criu);
    expect(await suspended()).toMatchObject({
      code: 16,
      stderr: expect.stringMatching(/^CRIU is not installed\n.*\n$/),
    });
    expect([await status(), existsSync(dump())]).toEqual([RUNNING, false]);
  });

  it('leaves a state that is broken as it is', { tags: ['slow'] }, async () => {
    await startCounting();
    await sandbox.good('suspend', '101');
    const broken = `${dump()}/images/pstree.img`;
    writeFileSync(broken, 'no image');
    expect(await vzctl('resume', '101')).toMatchObject({
      code: 17,
      stderr: `'${broken}' is not as it was written: the state is damaged\n`,
    });
    rmSync(broken);
    expect(await vzctl('resume', '101')).toMatchObject({ code: 17, stderr: expect.stringContaining(broken) });
    writeFileSync(broken, 'no image');
    const header = JSON.parse(readFileSync(`${dump()}/cella.json`, 'utf8'));
    writeFileSync(`${dump()}/cella.json`, JSON.stringify({ ...header, digests: {} }));
    expect(await vzctl('resume', '101')).toMatchObject({
      code: 17,
      stderr: expect.stringMatching(/^container 101 cannot be resumed: .*\n$/),
    });
    expect(await status()).toBe(SUSPENDED);
  });
});

describe('a kill', { tags: ['slow'] }, () => {
  it.each(['suspend.dumped', 'suspend.written'])('at %s has the container go on by itself', async (point) => {
    await startCounting();
    expect(await sandbox.vzctl(['suspend', '101'], { env: { CELLA_FAULT: point } })).toMatchObject({
      signal: 'SIGKILL',
    });
    const seen = () => readFileSync(`/proc/${record().init.pid}/root/run/count`, 'utf8');
    const before = seen();
    await expect.poll(seen, SOON).not.toBe(before);
    await sandbox.good('exec', '101', 'true');
    expect((await vzctl('umount', '101')).stderr).toContain('container 101');
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/dump`)).toEqual([]);
    expect(await status()).toBe(RUNNING);
  });

  it.each([
    ['suspend.kept', RUNNING],
    ['suspend.killed', SUSPENDED],
    ['suspend.settled', SUSPENDED],
  ])('at %s leaves what the next command makes "%s"', async (point, then) => {
    await startCounting();
    const before = await count();
    expect(await sandbox.vzctl(['suspend', '101'], { env: { CELLA_FAULT: point } })).toMatchObject({
      signal: 'SIGKILL',
    });
    // Any verb that changes something.
    await vzctl('set', '101', '--description', 'looked after', '--save');
    expect(await status()).toBe(then);
    if (then === SUSPENDED) await sandbox.good('resume', '101');
    await expect.poll(count, SOON).toBeGreaterThan(before);
  });

  it.each([
    ['resume.placed', SUSPENDED],
    ['resume.restored', SUSPENDED],
    ['resume.runs', RUNNING],
  ])('at %s leaves what the next command makes "%s"', async (point, then) => {
    await startCounting();
    const before = await count();
    await sandbox.good('suspend', '101');
    expect(await sandbox.vzctl(['resume', '101'], { env: { CELLA_FAULT: point } })).toMatchObject({
      signal: 'SIGKILL',
    });
    // CRIU ends what it has begun when nobody asks for it any more.
    await sleep(1000);
    await vzctl('set', '101', '--description', 'looked after', '--save');
    expect(await status()).toBe(then);
    if (then === SUSPENDED) await sandbox.good('resume', '101');
    await expect.poll(count, SOON).toBeGreaterThan(before);
    expect(existsSync(dump())).toBe(false);
  });

  it('at resume.taken never has the state come back beside what may have run', async () => {
    await startCounting();
    await sandbox.good('suspend', '101');
    expect(await sandbox.vzctl(['resume', '101'], { env: { CELLA_FAULT: 'resume.taken' } })).toMatchObject({
      signal: 'SIGKILL',
    });
    await sleep(1000);
    await vzctl('set', '101', '--description', 'looked after', '--save');
    const now = await status();
    expect([RUNNING, 'CTID 101 exist unmounted down']).toContain(now);
    expect([existsSync(dump()), existsSync(`${dump()}.fail`)]).toEqual([false, now !== RUNNING]);
    rmSync(`${dump()}.fail`, { recursive: true, force: true });
  });
});
