/** What containers hold and were refused, as the kernel counts it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
beforeAll(async () => {
  await sandbox.create(101, '--ram', '64M', '--numproc', '30');
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0 });
});

const exec = (command: string) => sandbox.vzctl(['exec', '101', command]);

/** The columns of one row of the file that OpenVZ's kernel has. */
async function row(name: string): Promise<readonly number[]> {
  const { stdout, code, stderr } = await sandbox.run('vzubc', ['--raw', '101']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const line = stdout.split('\n').find((each) => each.includes(` ${name} `));
  return (
    line
      ?.replace(/^.*[a-z] +/, '')
      .split(/ +/)
      .map(Number) ?? []
  );
}

describe('beancounters', () => {
  it('are the limits that it has, and what it holds of them', async () => {
    const [processes = 0, most = 0, barrier, limit] = await row('numproc');
    expect({ barrier, limit }).toEqual({ barrier: 30, limit: 30 });
    expect(processes).toBeGreaterThan(0);
    expect(most).toBeGreaterThanOrEqual(processes);
    const [held = 0, maxheld = 0, , pages] = await row('physpages');
    expect(pages).toBe(64 * 256);
    expect(held).toBeGreaterThan(0);
    expect(maxheld).toBeGreaterThanOrEqual(held);
    // Nothing counts files of a container.
    expect(await row('numfile')).toEqual([0, 0, 0, 0, 0]);
  });

  it('count processes that were refused', async () => {
    expect((await row('numproc'))[4]).toBe(0);
    await exec('for i in $(seq 40); do sleep 2 & done 2>/dev/null; true');
    expect((await row('numproc'))[4]).toBeGreaterThan(0);
    // Until then there is no room for one more.
    await expect.poll(async () => (await row('numproc'))[0], { timeout: 60_000 }).toBeLessThan(10);
  });

  it('count those that were killed for want of memory', async () => {
    expect((await row('oomguarpages'))[4]).toBe(0);
    await exec('head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null');
    expect((await row('oomguarpages'))[4]).toBeGreaterThan(0);
    expect((await row('physpages'))[4]).toBeGreaterThan(0);
  });

  it('count sockets', async () => {
    const [[before = 0], [others = 0]] = [await row('numtcpsock'), await row('numothersock')];
    await exec('nc -l -p 4000 >/dev/null 2>&1 & ping 127.0.0.1 >/dev/null 2>&1 & sleep 1');
    expect((await row('numtcpsock'))[0]).toBe(before + 1);
    expect((await row('numothersock'))[0]).toBe(others + 1);
    await exec('killall nc ping');
  });

  it('are known to the library, with failures that no process of ours has to remember', {
    tags: ['slow'],
  }, async () => {
    const [found] = await (await openHost({ rootDir: sandbox.rootDir })).beancounters();
    const of = (name: string) => found?.resources.find(({ resource }) => resource === name);
    expect(found?.ctid).toBe(101);
    expect(of('numproc')).toMatchObject({ limit: 30n, counted: { failcnt: (await row('numproc'))[4] } });
    expect(of('numfile')?.counted).toBeNull();
    const { stdout } = await sandbox.run('vzubc', ['--json', '101']);
    expect(JSON.parse(stdout)[0]).toMatchObject({ ctid: 101, resources: expect.any(Array) });
  });

  it('are a table, of which only what is near its limit is shown on request', async () => {
    const all = (await sandbox.run('vzubc', ['101'])).stdout;
    expect(all).toMatch(/^CT 101 .*\| *HELD/m);
    expect(all).toMatch(/^ +numfile\| *n\/c/m);
    const near = (await sandbox.run('vzubc', ['-q', '101'])).stdout;
    expect(near).toMatch(/^ *numproc\|.*\| *\d+$/m);
    expect(near).not.toMatch(/numfile/);
  });

  it('have failures since the last time alone on request', { tags: ['slow'] }, async () => {
    const seen = `${sandbox.rootDir}/seen`;
    const failures = async (...options: readonly string[]) => {
      const { stdout } = await sandbox.run('vzubc', ['-r', '-rd', seen, ...options, '-v', '101']);
      return /^ *numproc\|.*\| *([-\d]+)$/m.exec(stdout)?.[1];
    };
    expect(Number(await failures('-rc'))).toBeGreaterThan(0);
    expect(await failures()).toBe('-');
  });

  it('are told of what runs alone', { tags: ['slow'] }, async () => {
    expect(await sandbox.run('vzubc', ['999'])).toMatchObject({
      code: 14,
      stderr: 'container 999 does not exist\n',
    });
    await sandbox.create(102);
    expect(await sandbox.run('vzubc', ['102'])).toMatchObject({
      code: 31,
      stderr: 'container 102 is not running\n',
    });
    await sandbox.vzctl(['destroy', '102']);
  });
});
