/** A container's life through the built command line, on the real kernel. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101, 102] });

const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);

describe('lifecycle', () => {
  it('creates, starts, stops and destroys, and says what is true in between', async () => {
    const status = async () => (await vzctl('status', '101')).stdout;
    expect(await status()).toBe('CTID 101 deleted unmounted down\n');
    await sandbox.create(101);
    expect(await status()).toBe('CTID 101 exist unmounted down\n');
    expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
    expect(await status()).toBe('CTID 101 exist mounted running\n');
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0 });
    expect(await status()).toBe('CTID 101 exist unmounted down\n');
    expect(await vzctl('destroy', '101')).toMatchObject({ code: 0 });
    expect(await status()).toBe('CTID 101 deleted unmounted down\n');
  });

  it('starts, and waits for, one that came here without its template', async () => {
    await sandbox.create(101, '--layout', 'plain:directory');
    const path = `${sandbox.rootDir}/etc/vz/conf/101.conf`;
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^OSTEMPLATE=.*\n/m, ''));
    expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
    expect(await vzctl('restart', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
  });

  it('prints what a start would do as JSON, and does nothing', async () => {
    await sandbox.create(101, '--ram', '64M');
    const { code, stdout } = await vzctl('start', '101', '--plan');
    expect(code).toBe(0);
    const plan = JSON.parse(stdout) as { outside: { op: string }[]; inside: { op: string }[] };
    expect(plan.outside.map(({ op }) => op)).toContain('makeCgroup');
    expect(plan.inside.at(-1)).toMatchObject({ op: 'exec', paths: expect.arrayContaining(['/sbin/init']) });
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down\n');
  });

  it('keeps what the container wrote over a restart', async () => {
    await sandbox.create(101);
    await vzctl('start', '101');
    await vzctl('exec', '101', 'echo kept > /root/file');
    expect(await vzctl('restart', '101')).toMatchObject({ code: 0 });
    expect((await vzctl('exec', '101', 'cat /root/file')).stdout).toBe('kept\n');
  });

  it('mounts and unmounts without running anything', async () => {
    await sandbox.create(101);
    expect(await vzctl('mount', '101')).toMatchObject({ code: 0 });
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist mounted down\n');
    expect(readFileSync(`${sandbox.rootDir}/var/lib/vz/root/101/etc/inittab`, 'utf8')).toContain('sysinit');
    expect(await vzctl('mount', '101')).toMatchObject({ code: 41 });
    expect(await vzctl('destroy', '101')).toMatchObject({ code: 41 });
    expect(await vzctl('umount', '101')).toMatchObject({ code: 0 });
    expect(await vzctl('umount', '101')).toMatchObject({ code: 40 });
  });

  it('gives two containers ranges of ids that do not overlap', async () => {
    await sandbox.create(101);
    await sandbox.create(102);
    const base = (ctid: number): number =>
      Number(
        /LOCAL_UID="(\d+)"/.exec(readFileSync(`${sandbox.rootDir}/etc/vz/conf/${ctid}.conf`, 'utf8'))?.[1],
      );
    expect(Math.abs(base(101) - base(102))).toBeGreaterThanOrEqual(65_536);
  });

  it('runs a privileged container, and says that it is one', async () => {
    expect((await vzctl('create', '101', '--ostemplate', 'busybox', '--local_uid', '0')).stderr).toContain(
      'privileged',
    );
    expect((await vzctl('start', '101')).stderr).toContain('privileged');
    expect((await vzctl('exec', '101', 'cat /proc/self/uid_map')).stdout.trim().split(/\s+/)).toEqual([
      '0',
      '0',
      '4294967295',
    ]);
    expect((await vzctl('exec2', '101', 'echo x > /proc/sys/kernel/core_pattern')).code).not.toBe(0);
  });
});

describe('what is refused', { tags: ['slow'] }, () => {
  it.each([
    ['an unknown option', ['start', '101', '--nonsense'], 20],
    ['an unknown verb', ['nonsense', '101'], 20],
    ['a bad id', ['start', '99999999999'], 21],
    ['a reserved id', ['create', '7', '--ostemplate', 'busybox'], 21],
    ['a container that does not exist', ['start', '999'], 14],
    ['a template that does not exist', ['create', '101', '--ostemplate', 'nowhere'], 91],
    ['an option out of range', ['create', '101', '--ram', 'plenty'], 21],
  ])('%s', async (_, args, code) => {
    const result = await vzctl(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(/^[^\n]+\n([^\n]+\n)?$/);
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 deleted unmounted down\n');
  });

  it('a second start, and a destroy of what runs', async () => {
    await sandbox.create(101);
    await vzctl('start', '101');
    expect(await vzctl('start', '101')).toMatchObject({ code: 32 });
    expect(await vzctl('destroy', '101')).toMatchObject({ code: 32 });
    expect(await vzctl('create', '101', '--ostemplate', 'busybox')).toMatchObject({ code: 44 });
    expect((await vzctl('status', '101')).stdout).toBe('CTID 101 exist mounted running\n');
  });

  it('a stop of what is stopped is fine', async () => {
    await sandbox.create(101);
    expect(await vzctl('stop', '101')).toMatchObject({ code: 0 });
  });
});
