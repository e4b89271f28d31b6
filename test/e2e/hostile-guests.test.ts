/** Guests that will not shut down, or spoil what they run on: they are ended all the same, and nobody else suffers. */
import { existsSync, lstatSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

/** A directory layout, whose files can be changed from here while it is stopped. */
async function make(...args: readonly string[]): Promise<void> {
  await sandbox.create(101, '--layout', 'overlay:directory', ...args);
}

const upper = (path: string): string => `${sandbox.rootDir}/var/lib/vz/private/101/upper/${path}`;
const inside = async (command: string) => sandbox.vzctl(['exec2', '101', command]);

async function expectStops(...args: readonly string[]): Promise<void> {
  expect(await sandbox.vzctl(['stop', '101', ...args])).toMatchObject({ code: 0 });
  expect((await sandbox.vzctl(['status', '101'])).stdout).toBe('CTID 101 exist unmounted down\n');
}

/** Starts one whose shutdown runs a script; how long it took to stop it, in milliseconds. */
async function timeStop(script: string): Promise<number> {
  await make('--ram', '64M', '--numproc', '60', '--stop-timeout', '3');
  await sandbox.good('start', '101', '--wait');
  const quoted = `'${script.replaceAll("'", "'\\''")}'`;
  await inside(`printf '#!/bin/sh\\n%s\\n' ${quoted} > /etc/init.d/rcK`);
  const begun = Date.now();
  await expectStops();
  return Date.now() - begun;
}

describe('at its shutdown a guest', () => {
  it.each([
    ['that never comes to an end', 'sleep 1000'],
    ['that ignores every signal', "trap '' TERM INT HUP QUIT PWR; while :; do sleep 1; done"],
  ])('%s is killed when its time is over', { tags: ['slow'] }, async (_, script) => {
    // It was given its time.
    expect(await timeStop(script)).toBeGreaterThan(2500);
  });

  it.each([
    ['that does nothing but fork', 'f() { f | f & }; while :; do f; sleep 1; done'],
    ['that fills all memory it has', 'x=xxxxxxxx; while :; do x=$x$x; done'],
  ])('%s stops, at its limits or at the end of its time', async (_, script) => {
    // Its own limits may end it earlier.
    expect(await timeStop(script)).toBeLessThan(20_000);
  });
});

describe('a running guest', () => {
  it('that fills /run meets the end of it, and can be entered and stopped', async () => {
    await make('--ram', '128M');
    await sandbox.good('start', '101', '--wait');
    const { code, stderr } = await inside('dd if=/dev/zero of=/run/full bs=1M');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('No space left') });
    const pages = Math.ceil((128 << 20) / 5 / 4096);
    expect((await inside("stat -f -c '%b %f' /run")).stdout).toBe(`${pages} 0\n`);
    expect(await inside('true')).toMatchObject({ code: 0 });
    await expectStops();
  });

  it('that takes its mounts away, or makes them read-only, can be entered and stopped', async () => {
    await make();
    await sandbox.good('start', '101', '--wait');
    await inside(
      'umount -l /dev/shm /dev/pts /dev; umount -l /run; umount -l /sys/fs/cgroup; umount -l /sys',
    );
    await inside('mount -t tmpfs none /dev; mount -t tmpfs none /etc; mount -o remount,ro /');
    expect((await inside('echo here; touch /file')).stdout).toBe('here\n');
    await inside('umount -l /proc');
    expect((await inside('echo still here')).stdout).toBe('still here\n');
    await expectStops('--fast');
    await sandbox.good('start', '101', '--wait');
    expect(await inside('touch /file')).toMatchObject({ code: 0 });
  });

  it('that moves its root about is still itself to those who come from outside', {
    tags: ['slow'],
  }, async () => {
    await make();
    await sandbox.good('start', '101', '--wait');
    await inside('mkdir /other; mount --bind / /other; mount -t tmpfs none /bin');
    expect((await sandbox.vzctl(['exec2', '101', 'true'])).code).not.toBe(0);
    await expectStops('--fast');
  });
});

describe('a guest whose /sbin/init', { tags: ['slow'] }, () => {
  it.each([
    ['leads out of its root by its whole path', (target: string) => target],
    ['leads out of its root step by step', (target: string) => `${'../'.repeat(20)}${target.slice(1)}`],
  ])('%s does not start, and runs nothing of the host', async (_, link) => {
    await make();
    const [program, proof] = [`${sandbox.rootDir}/program`, `${sandbox.rootDir}/ran`];
    writeFileSync(program, `#!/bin/sh\ntouch ${proof}\nexec sleep 1000\n`, { mode: 0o755 });
    await sandbox.good('start', '101', '--wait');
    for (const path of ['/sbin/init', '/etc/init', '/bin/init', '/init', '/linuxrc', '/bin/sh'])
      await inside(`rm -f ${path}`);
    await sandbox.vzctl(['stop', '101', '--fast']);
    rmSync(upper('sbin/init'), { force: true });
    symlinkSync(link(program), upper('sbin/init'));
    expect(lstatSync(upper('sbin/init')).isSymbolicLink()).toBe(true);
    const { code, stderr } = await sandbox.vzctl(['start', '101']);
    expect(code).toBe(47);
    expect(stderr).toMatch(/^.+\n$/);
    expect(existsSync(proof)).toBe(false);
    expect((await sandbox.vzctl(['status', '101'])).stdout).toBe('CTID 101 exist unmounted down\n');
  });
});

describe('a guest that never gets up', { tags: ['slow'] }, () => {
  it('because its init ends at once is reported, and cleaned up after', async () => {
    await make();
    await sandbox.good('mount', '101');
    await sandbox.good('umount', '101');
    await sandbox.shell(
      'mkdir "$1"; printf "#!/bin/sh\\nexit 3\\n" > "$1/init"; chmod 755 "$1/init"',
      upper('sbin'),
    );
    expect((await sandbox.vzctl(['start', '101', '--wait'])).code).not.toBe(0);
    await expectStops();
  });
});
