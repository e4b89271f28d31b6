/** How much of the host is whose, what more fits, and who may not start. */
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { useSandbox } from '../helpers/use-sandbox.js';

describe('what containers have of the host', () => {
  const sandbox = useSandbox({ keep: [101, 102] });
  beforeAll(async () => {
    await sandbox.create(101, '--ram', '64M', '--swap', '0', '--numproc', '30', '--cpuunits', '500');
    await sandbox.good('set', '101', '--vmguarpages', '32M', '--save');
    await sandbox.good('start', '101', '--wait');
  });

  const conf = (name: string) => `${sandbox.rootDir}/etc/vz/conf/${name}`;
  const json = async (...[command, ...args]: readonly [Parameters<typeof sandbox.run>[0], ...string[]]) => {
    const { stdout, stderr, code } = await sandbox.run(command, [...args, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout);
  };

  it('is what they hold, were promised, and may take', async () => {
    const { containers, host } = await (await openHost({ rootDir: sandbox.rootDir })).capacity();
    expect(host.memory.total).toBeGreaterThan(host.memory.available);
    expect(host.tasks.held).toBeGreaterThan(1);
    expect(containers).toMatchObject([
      {
        ctid: 101,
        template: 'busybox',
        running: true,
        promised: 32n << 20n,
        limits: { memory: 64n << 20n, tasks: 30n },
      },
    ]);
    expect(containers[0]?.held.tasks).toBeGreaterThan(0);
    expect(containers[0]?.held.memory).toBeGreaterThan(0n);
  });

  it('is a table of vzcalc', { tags: ['slow'] }, async () => {
    const { stdout, code } = await sandbox.run('vzcalc', ['-v', '101']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Total RAM +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d$/m);
    expect(stdout).toMatch(/^Num\. Proc +\d+\.\d\d +n\/a +\d+\.\d\d$/m);
    const { shares } = await json('vzcalc', '101');
    expect(shares[0].max).toBeCloseTo((100 * 64 * 2 ** 20) / totalmem(), 1);
    expect(await sandbox.run('vzcalc', ['999'])).toMatchObject({
      code: 1,
      stderr: 'container 999 does not exist\n',
    });
  });

  it('is a table of vzmemcheck', { tags: ['slow'] }, async () => {
    expect((await sandbox.run('vzmemcheck', [])).stdout).toMatch(/^Output values in %\n.*\n.*\nSummary: /);
    const { stdout } = await sandbox.run('vzmemcheck', ['-v', '-A']);
    expect(stdout).toMatch(/^101 +\d+\.\d\d +32\.00 +64\.00/m);
    const { rows, host } = await json('vzmemcheck');
    expect(rows.at(-1)).toMatchObject({ ram: { promised: 32 * 2 ** 20, limit: 64 * 2 ** 20 } });
    expect(rows.at(-1).committed.held).toBe(host.committed.held);
  });

  it('is a table of vzcpucheck', { tags: ['slow'] }, async () => {
    const { stdout } = await sandbox.run('vzcpucheck', ['-v']);
    expect(stdout).toMatch(/^101 +500 +unlimited$/m);
    expect(stdout).toMatch(/^Current CPU utilization: 500\nPower of the node: (\d+|n\/a)\n/m);
  });

  it('is what a plan for more of them goes by', async () => {
    const plan = await json('cella', 'plan', '--template', 'busybox', '--seconds', '0.5');
    expect(plan).toMatchObject({ basis: 'measured', ctids: [101], fits: true });
    const names = plan.resources.map(({ resource }: { resource: string }) => resource);
    expect(names).toEqual(expect.arrayContaining(['memory', 'processes', 'disk', 'user id ranges']));
    expect(plan.resources).toContainEqual(
      expect.objectContaining({ resource: 'inotify instances', each: 0 }),
    );
    const least = Math.min(...plan.resources.flatMap(({ more }: { more: number | null }) => more ?? []));
    expect(plan.more).toBe(least);
    const many = await sandbox.run('cella', ['plan', '99999999', '--seconds', '0.2']);
    expect(many.code).toBe(6);
    expect(many.stdout).toMatch(/^99999999 more do not fit: .*the host is out of /m);
    expect(await sandbox.run('cella', ['plan', '--template', 'none'])).toMatchObject({ code: 91 });
  });

  it('is nothing where none runs: then limits of a sample are taken', { tags: ['slow'] }, async () => {
    await sandbox.good('stop', '101');
    expect(await sandbox.run('cella', ['plan', '--template', 'busybox'])).toMatchObject({
      code: 31,
      stderr: expect.stringMatching(
        /^no container of template 'busybox' runs, so there is nothing measured\n/,
      ),
    });
    const plan = await json('cella', 'plan', '--config', 'vswap-1g', '--seconds', '0.2');
    expect(plan.basis).toBe('limits');
    expect(plan.resources[0]).toMatchObject({ resource: 'memory', each: 2 ** 30 });
    await sandbox.good('start', '101');
  });

  it('can be an equal part for each, which is a sample', { tags: ['slow'] }, async () => {
    const { stdout } = await sandbox.run('vzsplit', ['-n', '80']);
    expect(stdout).toMatch(/^PHYSPAGES="0:\d+"$/m);
    expect(await sandbox.run('vzsplit', ['-n', '80', '-f', 'eightieth'])).toMatchObject({ code: 0 });
    expect(await sandbox.run('vzsplit', ['-n', '80', '-f', 'eightieth'])).toMatchObject({ code: 1 });
    expect(await sandbox.run('vzsplit', [])).toMatchObject({ code: 1 });
    expect(await sandbox.run('vzcfgvalidate', [conf('ve-eightieth.conf-sample')])).toMatchObject({
      code: 0,
      stdout: 'Validation completed: success\n',
    });
    await sandbox.create(102, '--config', 'eightieth');
    expect(readFileSync(conf('102.conf'), 'utf8')).toContain(/^PHYSPAGES=.*$/m.exec(stdout)?.[0]);
  });

  it('is put right by vzcfgvalidate, line by line', { tags: ['slow'] }, async () => {
    const path = conf('mine.conf');
    writeFileSync(path, '# Mine\nPHYSPAGES="0:65536"\nNUMPROC="200:100"\nSWAPPAGES="0:0"\n', { mode: 0o640 });
    expect(await sandbox.run('vzcfgvalidate', [path])).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(
        /^Error: NUMPROC: the barrier is higher than the limit\nRecommendation: DISKSPACE/,
      ),
    });
    expect(await sandbox.run('vzcfgvalidate', ['-r', path])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Repaired: NUMPROC="100:100", was "200:100"\n/),
    });
    expect(readFileSync(path, 'utf8')).toBe(
      '# Mine\nPHYSPAGES="0:65536"\nNUMPROC="100:100"\nSWAPPAGES="0:0"\n',
    );
    expect(statSync(path).mode & 0o777).toBe(0o640);
    writeFileSync(path, 'PHYSPAGES="lots"\n');
    expect(await sandbox.run('vzcfgvalidate', ['-r', path])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('mine.conf:1: PHYSPAGES: bad limit'),
    });
    expect(readFileSync(path, 'utf8')).toBe('PHYSPAGES="lots"\n');
  });
});

describe('admission', () => {
  const sandbox = useSandbox({ clear: [101, 102, 103] });
  let original: string;
  const policy = (text: string) => {
    const path = `${sandbox.rootDir}/etc/vz/vz.conf`;
    writeFileSync(path, original);
    appendFileSync(path, text);
  };
  beforeAll(() => {
    original = readFileSync(`${sandbox.rootDir}/etc/vz/vz.conf`, 'utf8');
  });
  beforeEach(async () => {
    policy('');
    const most = String(Math.floor(totalmem() * 0.6));
    for (const ctid of [101, 102]) await sandbox.create(ctid, '--ram', most);
  });
  afterEach(() => policy(''));

  const start = (ctid: number, ...more: readonly string[]) => sandbox.vzctl(['start', String(ctid), ...more]);

  it('is nobody refused where nothing is said', { tags: ['slow'] }, async () => {
    expect(await start(101)).toMatchObject({ code: 0, stderr: '' });
    expect(await start(102)).toMatchObject({ code: 0, stderr: '' });
  });

  it('refuses a container for which limits leave no room, unless it is forced', async () => {
    policy('ADMISSION="refuse"\n');
    expect(await start(101)).toMatchObject({ code: 0 });
    const refused = await start(102);
    expect(refused.code).toBe(36);
    expect(refused.stderr).toMatch(
      /^no room for container 102: memory limits of running containers would be 1(19|20|21)% of memory, and OVERCOMMIT_MEMORY is 100%\n.*--force.*\n$/,
    );
    expect(await sandbox.good('status', '102')).toMatch(/down/);
    // What ran may go on.
    expect(await sandbox.vzctl(['restart', '101', '--fast'])).toMatchObject({ code: 0 });
    expect(await start(102, '--force')).toMatchObject({ code: 0, stderr: '' });
    expect(await sandbox.vzctl(['restart', '102', '--fast'])).toMatchObject({ code: 0 });
    expect(await sandbox.run('cella', ['run', '--rm', 'busybox', 'true'])).toMatchObject({ code: 36 });
  });

  it('refuses more memory for a container that runs, unless it is forced', { tags: ['slow'] }, async () => {
    await sandbox.good('set', '102', '--ram', '64M', '--save');
    for (const ctid of [101, 102]) expect(await start(ctid)).toMatchObject({ code: 0 });
    policy('ADMISSION="refuse"\n');
    const most = String(Math.floor(totalmem() * 0.6));
    const config = () => readFileSync(`${sandbox.rootDir}/etc/vz/conf/102.conf`, 'utf8');
    const before = config();
    expect(await sandbox.vzctl(['set', '102', '--ram', most, '--save'])).toMatchObject({
      code: 36,
      stderr: expect.stringMatching(/^no room for container 102: memory limits .*\n.*--force sets it\.\n$/),
    });
    expect(config()).toBe(before);
    expect(await sandbox.vzctl(['set', '102', '--ram', '32M', '--save'])).toMatchObject({ code: 0 });
    expect(await sandbox.vzctl(['set', '102', '--ram', most, '--save', '--force'])).toMatchObject({
      code: 0,
    });
  });

  it('goes as far as it is allowed to, or warns', { tags: ['slow'] }, async () => {
    policy('ADMISSION="refuse"\nOVERCOMMIT_MEMORY="130%"\n');
    expect(await start(101)).toMatchObject({ code: 0 });
    expect(await start(102)).toMatchObject({ code: 0, stderr: '' });
    await sandbox.good('stop', '102', '--fast');
    policy('ADMISSION="warn"\n');
    expect(await start(102)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Warning: no room for container 102: memory limits /),
    });
  });

  it('lets nobody promise more memory than there is', { tags: ['slow'] }, async () => {
    policy('ADMISSION="refuse"\nOVERCOMMIT_MEMORY="unlimited"\n');
    const part = `${Math.floor(totalmem() * 0.6)}B`;
    for (const ctid of ['101', '102']) await sandbox.good('set', ctid, '--vmguarpages', part, '--save');
    expect(await start(101)).toMatchObject({ code: 0 });
    expect(await start(102)).toMatchObject({ code: 36, stderr: expect.stringMatching(/guaranteed/) });
  });

  it('lets one of two through that come at once', { tags: ['slow'] }, async () => {
    policy('ADMISSION="refuse"\n');
    const both = await Promise.all([start(101), start(102)]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 36]);
  });

  it('is not to be misunderstood', { tags: ['slow'] }, async () => {
    policy('ADMISSION="perhaps"\n');
    expect(await start(101)).toMatchObject({
      code: 85,
      stderr: expect.stringContaining('ADMISSION: refuse, warn or off expected'),
    });
  });
});
