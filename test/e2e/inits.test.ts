/** Guests whose init is not systemd are shut down in order too; a systemd that cannot run here is refused. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;

/** runit runs scripts of the runlevel in which it halts; services stop with OpenRC, which Debian's sysvinit leaves it to. */
const SCRIPT =
  'printf "#!/bin/sh\ntouch /root/asked\n" >/etc/rc0.d/K00witness; chmod 755 /etc/rc0.d/K00witness';
const SERVICE = [
  'printf "#!/sbin/openrc-run\nstart() { :; }\nstop() { touch /root/asked; }\n" >/etc/init.d/witness',
  'chmod 755 /etc/init.d/witness',
  'rc-update add witness default',
  'rc-service witness start',
].join('; ');
const UNTIL = (state: string): string => `for i in $(seq 300); do ${state} && break; sleep 0.2; done`;

describe('a guest is shut down in order', { tags: ['slow'] }, () => {
  const sandbox = useSandbox({ needs: ['mmdebstrap'], clear: [101] });
  const inside = async (command: string) => (await sandbox.vzctl(['exec', '101', command])).stdout.trim();

  it.each([
    { init: 'sysvinit', recipe: 'sysvinit', up: 'runlevel | grep -q 2$', plant: SERVICE },
    { init: 'openrc-init', recipe: 'sysvinit', up: 'rc-status -r | grep -q default', plant: SERVICE },
    { init: 'runit', recipe: 'runit', up: 'grep -qsx runsvdir /proc/[0-9]*/comm', plant: SCRIPT },
  ] as const)('by $init', { timeout: BUILDING_MS }, async ({ init, recipe, up, plant }) => {
    await sandbox.createFrom(await sandbox.template(recipe), 101);
    if (init === 'openrc-init') await sandbox.good('runscript', '101', useOpenrc());
    await sandbox.good('start', '101');
    await inside(UNTIL(up));
    await inside(plant);
    expect(await inside('basename $(readlink /proc/1/exe)')).toBe(init === 'sysvinit' ? 'init' : init);
    const begun = Date.now();
    await sandbox.good('stop', '101');
    expect(Date.now() - begun).toBeLessThan(60_000);
    await sandbox.good('mount', '101');
    const asked = existsSync(`${sandbox.rootDir}/var/lib/vz/root/101/root/asked`);
    await sandbox.good('umount', '101');
    expect(asked).toBe(true);
  });

  function useOpenrc(): string {
    const script = `${sandbox.rootDir}/openrc`;
    writeFileSync(script, 'ln -sf openrc-init /sbin/init\n');
    return script;
  }
});

describe('a guest with a systemd', () => {
  const sandbox = useSandbox({ clear: [101] });
  const rootfs = () => `${sandbox.rootDir}/var/lib/vz/template/cache/busybox/rootfs`;
  const upper = () => `${sandbox.rootDir}/var/lib/vz/private/101/upper`;

  /** Busybox under systemd's name, with the library that its version is told by. */
  async function createWith(version: number | undefined): Promise<void> {
    await sandbox.create(101, '--layout', 'overlay:directory');
    const place = `${upper()}/usr/lib/systemd`;
    mkdirSync(place, { recursive: true });
    mkdirSync(`${upper()}/sbin`, { recursive: true });
    copyFileSync(`${rootfs()}/bin/busybox`, `${place}/systemd`);
    chmodSync(`${place}/systemd`, 0o755);
    symlinkSync('/usr/lib/systemd/systemd', `${upper()}/sbin/init`);
    if (version !== undefined) writeFileSync(`${place}/libsystemd-shared-${version}.so`, '');
  }

  it('that knows no cgroup v2 is refused, unless that is forced', async () => {
    await createWith(undefined);
    expect(await sandbox.vzctl(['start', '101'])).toMatchObject({
      code: 5,
      stderr:
        'container 101 runs a systemd older than 231, which knows only cgroup v1\nUpgrade it, or use --force to try all the same.\n',
    });
    expect(await sandbox.good('status', '101')).toBe('CTID 101 exist unmounted down\n');
    await sandbox.vzctl(['start', '101', '--force']);
  });

  it('that knows it is not', async () => {
    await createWith(232);
    expect((await sandbox.vzctl(['start', '101'])).stderr).not.toContain('cgroup');
  });
});
