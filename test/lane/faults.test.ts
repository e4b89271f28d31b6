/** What goes wrong with the VM lane itself ends with a clear message, within its time, and leaves nothing. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { watch } from '../helpers/sandbox.js';
import { cachedImage, recipeHash } from '../vm/image.js';
import { cacheDirectory, RECIPE, REPOSITORY } from '../vm/places.js';

const scratch = mkdtempSync(`${tmpdir()}/cella-lane-`);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The lane's command line as vm.sh runs it. */
function lane(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return watch(
    spawn(process.execPath, [`${REPOSITORY}build/vm/main.cjs`, ...args], {
      cwd: REPOSITORY,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/exe`);

/** QEMU, once it is there. */
async function qemuOf(runner: ChildProcess): Promise<number> {
  let found: number | undefined;
  await expect
    .poll(
      () => {
        found = childrenOf(runner.pid ?? 0).find((pid) =>
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('qemu-system'),
        );
        return found;
      },
      { timeout: 200_000, interval: 200 },
    )
    .toBeDefined();
  return found as number;
}

/** Settles when the suites have begun. */
const untilRunning = (runner: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    runner.stdout?.on('data', (data: Buffer) => {
      if (data.toString().includes('RUN')) resolve();
    });
  });

const directoriesOfRuns = (): readonly string[] => {
  const directory = `${cacheDirectory()}/runs`;
  return existsSync(directory) ? readdirSync(directory) : [];
};
/** Those of somebody else, who may be at it meanwhile. */
const others = directoriesOfRuns();
const runs = (): readonly string[] => directoriesOfRuns().filter((name) => !others.includes(name));

/** What consoles of first guests have said, without the sequences that move the cursor. */
const said = (): string =>
  runs()
    .map((name) => `${cacheDirectory()}/runs/${name}/vm1.console`)
    .filter((path) => existsSync(path))
    .map((path) => stripVTControlCharacters(readFileSync(path, 'utf8')))
    .join('');

/** Local addresses, as /proc/net/tcp writes them, at which a process listens. */
function listening(pid: number): readonly string[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((family) =>
    readFileSync(`/proc/net/${family}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.includes(fields[9] ?? ''))
      .map((fields) => (fields[1] ?? '').split(':')[0] ?? ''),
  );
}

describe('the lane', () => {
  it('listens at the loopback address alone, and a killed QEMU is told with what the console said', async () => {
    const { child, ended } = lane(['test']);
    const qemu = await qemuOf(child);
    await expect.poll(() => listening(qemu), { timeout: 10_000 }).toEqual(['0100007F']);
    await expect.poll(said, { timeout: 60_000 }).toMatch(/\w/);
    process.kill(qemu, 'SIGKILL');
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^vm: vm1 ended while it booted; its console said last:\n/m);
    expect(runs()).toEqual([]);
  });

  it('tells of a kernel panic', async () => {
    const { code, stderr } = await lane(['test'], { CELLA_VM_KERNEL_ARGUMENTS: 'rdinit=/bin/false' }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/vm1 ended while it booted/);
    expect(stderr).toMatch(/Kernel panic/);
    expect(runs()).toEqual([]);
  });

  it('tells of a QEMU that is killed in the middle of the suites', async () => {
    const { child, ended } = lane(['test']);
    await untilRunning(child);
    process.kill(await qemuOf(child), 'SIGKILL');
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^vm: vm1 ended, or hangs, in the middle of the suites/m);
    expect(runs()).toEqual([]);
  });

  it('ends suites that take too long, even in a guest that has come to a halt', async () => {
    const { child, ended } = lane(['test', '--limit', '0.5']);
    await untilRunning(child);
    process.kill(await qemuOf(child), 'SIGSTOP');
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toContain('vm: the suites did not end within 0.5 minutes');
    expect(runs()).toEqual([]);
  });

  it('takes QEMU along when it is killed itself; the next run clears away the rest', async () => {
    const { child, ended } = lane(['test']);
    const qemu = await qemuOf(child);
    child.kill('SIGKILL');
    await ended;
    await expect.poll(() => isAlive(qemu), { timeout: 10_000 }).toBe(false);
    expect(runs()).toHaveLength(1);
    const next = lane(['test']);
    process.kill(await qemuOf(next.child), 'SIGKILL');
    expect((await next.ended).code).toBe(1);
    expect(runs()).toEqual([]);
  });

  it('says what an argument should have been', async () => {
    for (const option of ['--hosts', '--guests'])
      expect(await lane(['test', option, '3']).ended).toMatchObject({
        code: 1,
        stderr: `vm: ${option} takes 1 or 2\n`,
      });
  });
});

describe('without', () => {
  it('disk space: nothing is built', async () => {
    const small = `${scratch}/small`;
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', small]);
    try {
      const { code, stderr } = await lane(['build'], { CELLA_VM_CACHE: small }).ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^vm: not enough disk space in '.*': 3 GiB are needed, 0\.0 are free\n$/);
      expect(readdirSync(`${small}/images`)).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('QEMU, where nothing may be installed: says what is missing', async () => {
    const bin = `${scratch}/bin`;
    mkdirSync(bin);
    const tools = ['sh', 'mmdebstrap', 'ssh', 'mkfs.ext4', 'setpriv'];
    for (const tool of tools) writeFileSync(`${bin}/${tool}`, '', { mode: 0o755 });
    rmSync(`${bin}/sh`);
    const install = watch(
      spawn('/bin/sh', [`${REPOSITORY}test/vm/install.sh`], { env: { PATH: bin, CELLA_NO_APT: '1' } }),
    );
    expect(await install.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^vm: missing, and not being installed: qemu-system-x86_64\n$/),
    });
  });
});

describe('the cache of images', () => {
  const hash = recipeHash();

  it('knows another recipe by another hash', () => {
    const recipe = `${scratch}/recipe`;
    execFileSync('cp', ['-r', RECIPE, recipe]);
    expect(recipeHash(recipe)).toBe(hash);
    writeFileSync(`${recipe}/packages.txt`, 'hello\n', { flag: 'a' });
    expect(recipeHash(recipe)).not.toBe(hash);
  });

  it('does not take a damaged image, or half of one', () => {
    const image = cachedImage(cacheDirectory(), hash);
    expect(image).toBeDefined();
    const copy = `${scratch}/images/${hash}`;
    mkdirSync(copy, { recursive: true });
    for (const name of readdirSync(image?.directory ?? ''))
      execFileSync('cp', ['--sparse=always', `${image?.directory}/${name}`, copy]);
    expect(cachedImage(scratch, hash)).toEqual({ hash, directory: copy });
    execFileSync('truncate', ['-s', '-1', `${copy}/initrd`]);
    expect(cachedImage(scratch, hash)).toBeUndefined();
    rmSync(`${copy}/initrd`);
    expect(cachedImage(scratch, hash)).toBeUndefined();
  });
});
