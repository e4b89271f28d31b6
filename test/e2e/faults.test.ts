/** kill -9 of the command line, or of the launcher, at every point: the next command sees the truth, nothing is left. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const killedAt = async (point: string, ...args: readonly string[]): Promise<void> => {
  expect(await sandbox.vzctl(args, { env: { CELLA_FAULT: point } })).toMatchObject({ signal: 'SIGKILL' });
};
const status = async (): Promise<string> => (await vzctl('status', '101')).stdout;
const privateAreas = (): readonly string[] => readdirSync(`${sandbox.rootDir}/var/lib/vz/private`);

// What runs before there is a process is the same wherever: the VM lane leaves it out.
describe('a killed create', { tags: ['slow'] }, () => {
  it.each(['create.intent', 'create.staged', 'create.private'])(
    'at %s: the next one succeeds',
    async (point) => {
      await killedAt(point, 'create', '101', '--ostemplate', 'busybox');
      expect(await status()).toBe('CTID 101 deleted unmounted down\n');
      await sandbox.create(101);
      expect(await vzctl('start', '101')).toMatchObject({ code: 0 });
    },
  );

  it.each(['create.intent', 'create.staged', 'create.private'])(
    'at %s: a destroy clears it away',
    async (point) => {
      await killedAt(point, 'create', '101', '--ostemplate', 'busybox');
      expect(await vzctl('destroy', '101')).toMatchObject({ code: 14 });
      expect(privateAreas()).toEqual([]);
    },
  );

  it('when all was done: it is there', async () => {
    await killedAt('create.done', 'create', '101', '--ostemplate', 'busybox');
    expect(await status()).toBe('CTID 101 exist unmounted down\n');
  });
});

describe('a killed start', () => {
  it.each(['start.intent', 'start.prepared', 'start.recorded'])(
    'at %s: nothing runs, and the next one succeeds',
    { tags: ['slow'] },
    async (point) => {
      await sandbox.create(101);
      await killedAt(point, 'start', '101');
      await expect.poll(status, { timeout: 3000 }).toMatch(/ down\n$/);
      expect(await vzctl('start', '101', '--wait')).toMatchObject({
        code: 0,
        stderr: 'Took away what an interrupted run of container 101 had left\n',
      });
      expect(await status()).toBe('CTID 101 exist mounted running\n');
    },
  );

  it.each(['start.intent', 'start.prepared', 'start.recorded'])(
    'at %s: a stop clears it away',
    { tags: ['slow'] },
    async (point) => {
      await sandbox.create(101);
      await killedAt(point, 'start', '101');
      expect(await vzctl('stop', '101')).toMatchObject({ code: 0 });
      expect(await status()).toBe('CTID 101 exist unmounted down\n');
    },
  );

  it('when all was done: it runs', async () => {
    await sandbox.create(101);
    await killedAt('start.done', 'start', '101');
    expect(await status()).toBe('CTID 101 exist mounted running\n');
  });
});

describe('a killed stop', { tags: ['slow'] }, () => {
  it.each([['stop.asked'], ['stop.killed']])('at %s: the next one finishes it', async (point) => {
    await sandbox.create(101);
    await vzctl('start', '101', '--wait');
    await killedAt(point, 'stop', '101');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0 });
    expect(await status()).toBe('CTID 101 exist unmounted down\n');
  });
});

describe('a killed destroy', { tags: ['slow'] }, () => {
  it.each(['destroy.condemned', 'destroy.renamed'])(
    'at %s: the next command carries it through',
    async (point) => {
      await sandbox.create(101);
      await killedAt(point, 'destroy', '101');
      expect(await status()).toBe('CTID 101 deleted unmounted down\n');
      await sandbox.create(101);
      expect(privateAreas()).toEqual(['101']);
    },
  );
});

describe('a killed mount or set', { tags: ['slow'] }, () => {
  it('leaves the mount to be unmounted', async () => {
    await sandbox.create(101);
    await killedAt('mount.done', 'mount', '101');
    expect(await vzctl('umount', '101')).toMatchObject({ code: 0 });
  });

  it('leaves the old config', async () => {
    await sandbox.create(101, '--numproc', '50');
    await killedAt('set.applied', 'set', '101', '--numproc', '70', '--save');
    const [info] = await (await openHost({ rootDir: sandbox.rootDir })).list();
    expect(info?.numproc?.limit).toBe(50n);
  });
});

describe('a launcher that dies', { tags: ['slow'] }, () => {
  it('before any of its steps: the start fails, and takes everything back', async () => {
    await sandbox.create(101);
    const plan = (await (await openHost({ rootDir: sandbox.rootDir })).container(101).planStart()) as {
      readonly [part in 'outside' | 'after' | 'inside']: readonly unknown[];
    };
    const steps = plan.outside.length + plan.after.length + plan.inside.length;
    expect(steps).toBeGreaterThan(50);
    process.env.CELLA_FAULT = '';
    const container = (await openHost({ rootDir: sandbox.rootDir })).container(101);
    for (let step = 0; step < steps; step += 1) {
      process.env.CELLA_FAULT = `launcher:${step}`;
      await expect(container.start(), `step ${step}`).rejects.toMatchObject({ name: 'CellaError' });
      expect(await container.status()).toEqual({
        exists: true,
        mounted: false,
        running: false,
        suspended: false,
      });
    }
    delete process.env.CELLA_FAULT;
    await container.start();
    expect(await container.stop({ fast: true })).toEqual({ wasRunning: true });
  }, 120_000);
});
