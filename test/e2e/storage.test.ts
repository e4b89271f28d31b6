/** One contract for all that can hold a private area: what is written stays, a limit holds, and is seen inside. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../src/config/container-config.js';
import { parseCtid } from '../../src/config/ctid.js';
import { parseConfig } from '../../src/config/grammar.js';
import { mountRoot } from '../../src/host/launcher.js';
import { planMount } from '../../src/plan/plan-root.js';
import { lack, type Need } from '../helpers/requires.js';
import type { FileSystem, Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

interface Kind {
  readonly layout: string;
  readonly on?: FileSystem;
  readonly needs?: readonly Need[];
  /** What `df` cannot show, and what can hold no count of files. */
  readonly blind?: true;
  /** Cannot become smaller while it is in use. */
  readonly growsOnly?: true;
  /** What the host lane cannot try, or has not tried of the same store; all of it unless given. */
  readonly inVm?: readonly Part[];
}

type Part = 'life' | 'limit' | 'growing' | 'more';

/** Left out of the VM lane: the host lane tries it. */
const tagged = ({ inVm = ['life', 'limit', 'growing', 'more'] }: Partial<Kind>, part: Part) => ({
  tags: inVm.includes(part) ? [] : ['slow'],
});
const SLOW = { tags: ['slow'] };

const EXT4 = { on: 'ext4 with project quotas', needs: ['project-quota'] } as const;
const XFS = { on: 'xfs with project quotas', needs: ['xfs-quota'] } as const;
const BTRFS = { on: 'btrfs', needs: ['btrfs'], blind: true, inVm: [] } as const;
const LIMITED: readonly Kind[] = [
  { layout: 'overlay:image', growsOnly: true, inVm: [] },
  { layout: 'plain:image', growsOnly: true, inVm: [] },
  { layout: 'overlay:quota', ...EXT4 },
  { layout: 'plain:quota', ...EXT4, inVm: [] },
  { layout: 'overlay:quota', ...XFS, inVm: ['limit'] },
  { layout: 'plain:quota', ...XFS, inVm: [] },
  { layout: 'overlay:btrfs', ...BTRFS },
  { layout: 'plain:btrfs', ...BTRFS },
];
const UNLIMITED: readonly Kind[] = [
  { layout: 'overlay:directory', inVm: [] },
  { layout: 'plain:directory', inVm: [] },
];

function describeEach(kinds: readonly Kind[], contract: (kind: Kind) => void): void {
  for (const kind of kinds)
    describe(kind.on ? `${kind.layout} on ${kind.on}` : kind.layout, () => contract(kind));
}

const MIB = 1 << 20;
const FAR_TOO_LARGE = 'dd if=/dev/zero of=/root/large bs=1M count=200 2>&1; sync; wc -c < /root/large';

let sandbox: Sandbox;
const vzctl = (...args: readonly string[]) => sandbox.vzctl(args);
const exec = async (command: string): Promise<string> => (await vzctl('exec', '101', command)).stdout;

function useOwn({ on, needs = [] }: Omit<Kind, 'layout'> = {}): void {
  const own = useSandbox({ on, needs, clear: [101], inProcess: true });
  beforeAll(() => {
    sandbox = own;
  });
}

const start = async (layout: string, ...args: readonly string[]): Promise<void> => {
  await sandbox.create(101, '--layout', layout, ...args);
  expect(await vzctl('start', '101', '--wait')).toMatchObject({ code: 0, stderr: '' });
};

/** Bytes of the root file system, as `df` inside says. */
const sizeInside = async (): Promise<number> =>
  Number((await exec('df -k / | tail -n 1')).trim().split(/\s+/)[1]) * 1024;

describeEach([...LIMITED, ...UNLIMITED], (kind) => {
  useOwn(kind);

  it(
    'keeps what was written over restarts, and leaves nothing when destroyed',
    tagged(kind, 'life'),
    async () => {
      await start(kind.layout, '--diskspace', '64M');
      await exec('echo kept > /root/file; ln /root/file /root/link; chown 33:44 /root/file; rm /etc/shells');
      expect(await vzctl('restart', '101', '--wait')).toMatchObject({ code: 0 });
      expect(await exec('cat /root/link; stat -c "%u:%g %h" /root/file; ls /etc/shells 2>&1 | wc -l')).toBe(
        'kept\n33:44 2\n1\n',
      );
      expect(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8')).toContain(
        `VE_LAYOUT="${kind.layout}"\n`,
      );
      await vzctl('stop', '101');
      expect(await vzctl('destroy', '101')).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/private`)).toEqual([]);
    },
  );

  it('is mounted and unmounted without a start', tagged(kind, 'more'), async () => {
    await sandbox.create(101, '--layout', kind.layout, '--diskspace', '64M');
    expect(await vzctl('mount', '101')).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/root/101`)).toContain('etc');
    expect(await vzctl('umount', '101')).toMatchObject({ code: 0 });
  });
});

describeEach(LIMITED, (kind) => {
  useOwn(kind);

  it('shows its limit to df, and ends writing there', tagged(kind, 'limit'), async () => {
    await start(kind.layout, '--diskspace', '64M');
    if (!kind.blind) {
      const size = await sizeInside();
      expect(size / (64 * MIB)).toBeGreaterThan(0.97);
      expect(size / (64 * MIB)).toBeLessThan(1.03);
    }
    const said = (await exec(FAR_TOO_LARGE)).trim();
    expect(said).toMatch(/No space left on device|Disk quota exceeded/);
    expect(Number(said.split('\n').at(-1))).toBeLessThanOrEqual(64 * MIB);
    expect(Number(said.split('\n').at(-1))).toBeGreaterThan(50 * MIB);
    expect(await exec('rm /root/large; echo there is room > /root/small; cat /root/small')).toBe(
      'there is room\n',
    );
  });

  it('grows while it runs', tagged(kind, 'growing'), async ({ skip }) => {
    // EXT4_IOC_RESIZE_FS asks for it (fs/ext4/resize.c).
    if (kind.growsOnly && (await lack('sys-resource')) !== undefined) skip('needs CAP_SYS_RESOURCE');
    await start(kind.layout, '--diskspace', '64M');
    await exec(FAR_TOO_LARGE);
    expect(await vzctl('set', '101', '--diskspace', '96M', '--save')).toMatchObject({ code: 0, stderr: '' });
    if (!kind.blind) expect((await sizeInside()) / (96 * MIB)).toBeGreaterThan(0.97);
    await exec('dd if=/dev/zero of=/root/more bs=1M count=20 2>&1');
    expect(await exec('wc -c < /root/more')).toBe(`${20 * MIB}\n`);
    expect(await vzctl('restart', '101', '--fast')).toMatchObject({ code: 0 });
    expect(await exec('wc -c < /root/more')).toBe(`${20 * MIB}\n`);
  });

  it.runIf(kind.growsOnly)('grows while it does not run', tagged(kind, 'more'), async () => {
    await start(kind.layout, '--diskspace', '64M');
    await exec('echo kept > /root/file');
    await vzctl('stop', '101', '--fast');
    expect(await vzctl('set', '101', '--diskspace', '300M', '--save')).toMatchObject({ code: 0, stderr: '' });
    await vzctl('start', '101', '--wait');
    expect((await sizeInside()) / (300 * MIB)).toBeGreaterThan(0.97);
    expect((await sizeInside()) / (300 * MIB)).toBeLessThan(1.03);
    expect(await exec('cat /root/file')).toBe('kept\n');
  });

  it('shrinks, while it runs where the storage can', tagged(kind, 'more'), async () => {
    await start(kind.layout, '--diskspace', '96M');
    await exec('dd if=/dev/zero of=/root/file bs=1M count=10 2>&1');
    const shrink = () => vzctl('set', '101', '--diskspace', '48M', '--save');
    if (kind.growsOnly) {
      expect(await shrink()).toMatchObject({
        code: 154,
        stderr: expect.stringMatching(/Stop the container first/),
      });
      expect((await sizeInside()) / (96 * MIB)).toBeGreaterThan(0.97);
      await vzctl('stop', '101', '--fast');
    }
    expect(await shrink()).toMatchObject({ code: 0, stderr: '' });
    if (kind.growsOnly) await vzctl('start', '101', '--wait');
    if (!kind.blind) expect((await sizeInside()) / (48 * MIB)).toBeLessThan(1.06);
    expect(await exec('wc -c < /root/file')).toBe(`${10 * MIB}\n`);
    expect(Number((await exec(FAR_TOO_LARGE)).trim().split('\n').at(-1))).toBeLessThan(48 * MIB);
  });

  it.runIf(!kind.blind)('limits the number of files', tagged(kind, 'more'), async () => {
    await start(kind.layout, '--diskspace', '64M', '--diskinodes', '700');
    const made = Number(
      await exec(
        'mkdir /root/d; cd /root/d; i=0; while [ $i -lt 2000 ] && true > $i; do i=$((i+1)); done 2>/dev/null; ls | wc -l',
      ),
    );
    expect(made).toBeLessThan(800);
    expect(made).toBeGreaterThan(200);
  });
});

describe('a change of the limit of an image', SLOW, () => {
  useOwn();

  it.each(
    ['resize.checked', 'resize.enlarged', 'resize.resized', 'set.applied'].flatMap((point) => [
      { point, size: '96M' },
      { point, size: '48M' },
    ]),
  )(
    'to $size, killed at $point: it has the old one or the new one, and can be set again',
    async ({ point, size }) => {
      await start('overlay:image', '--diskspace', '64M');
      await exec('echo kept > /root/file');
      await vzctl('stop', '101', '--fast');
      const argv = ['set', '101', '--diskspace', size, '--save'];
      expect(await sandbox.vzctl(argv, { env: { CELLA_FAULT: point } })).toMatchObject({ signal: 'SIGKILL' });
      await sandbox.good('start', '101', '--wait');
      const mib = Math.round((await sizeInside()) / MIB);
      expect([64, Number.parseInt(size, 10)].some((wanted) => Math.abs(mib - wanted) < 4)).toBe(true);
      expect(await exec('cat /root/file')).toBe('kept\n');
      await sandbox.good('stop', '101', '--fast');
      await sandbox.good(...argv);
      await sandbox.shell(
        'PATH=$PATH:/sbin; e2fsck -fn "$1"',
        `${sandbox.rootDir}/var/lib/vz/private/101/disk.img`,
      );
      await sandbox.good('start', '101', '--wait');
      expect(Math.round((await sizeInside()) / MIB)).toBeGreaterThan(Number.parseInt(size, 10) - 4);
    },
  );
});

describe('--mount_opts', SLOW, () => {
  useOwn();

  it('are those of the file system in an image', async () => {
    await start('overlay:image', '--diskspace', '64M', '--mount_opts', 'noatime,commit=77,nodelalloc');
    const image = `${sandbox.rootDir}/var/lib/vz/private/101/disk.img`;
    const device = await sandbox.shell('losetup --noheadings --output NAME --associated "$1"', image);
    const options = readFileSync(`/proc/fs/ext4/${basename(device.trim())}/options`, 'utf8').split('\n');
    expect(options).toEqual(expect.arrayContaining(['commit=77', 'nodelalloc', 'rw']));
  });

  it('that it does not know keep the container from starting', async () => {
    await sandbox.create(101, '--layout', 'overlay:image', '--diskspace', '64M', '--mount_opts', 'fast=very');
    const result = await vzctl('start', '101');
    expect(result).toMatchObject({ code: 50 });
    expect(result.stderr).toMatch(/disk image .*: EINVAL\n.*--mount_opts/);
    await sandbox.good('set', '101', '--mount_opts', '', '--save');
    await sandbox.good('start', '101', '--wait');
  });
});

describe('without a word about the layout', () => {
  const chosen = () =>
    /VE_LAYOUT="(.*)"/.exec(readFileSync(`${sandbox.rootDir}/etc/vz/conf/101.conf`, 'utf8'))?.[1];

  describe.each([
    { on: undefined, needs: [], inVm: [], limited: 'overlay:image', unlimited: 'overlay:directory' },
    { ...EXT4, limited: 'overlay:quota', unlimited: 'overlay:quota' },
    { ...XFS, limited: 'overlay:quota', unlimited: 'overlay:quota' },
    { ...BTRFS, limited: 'overlay:btrfs', unlimited: 'overlay:btrfs' },
  ])('on $on', ({ on, needs, limited, unlimited, ...kind }) => {
    useOwn({ ...(on ? { on } : {}), needs });

    it.each([
      ['64M', limited],
      ['unlimited', unlimited],
    ])('a limit of %s is held by %s', tagged(kind, 'more'), async (diskspace, layout) => {
      await sandbox.create(101, '--diskspace', diskspace);
      expect(chosen()).toBe(layout);
    });
  });
});

describe('what cannot be', SLOW, () => {
  useOwn();

  it.each([
    ['a store that the file system cannot be', ['--layout', 'overlay:btrfs'], 48],
    ['a layout that nobody knows', ['--layout', 'zfs'], 21],
    ['an image without a size', ['--layout', 'overlay:image', '--diskspace', 'unlimited'], 63],
  ])('%s is refused, and nothing is made', async (_, args, code) => {
    const result = await vzctl('create', '101', '--ostemplate', 'busybox', ...args);
    expect(result.code).toBe(code);
    expect(result.stderr.split('\n').length).toBeLessThanOrEqual(3);
    expect(readdirSync(`${sandbox.rootDir}/var/lib/vz/private`)).toEqual([]);
  });

  it('a limit for a plain directory is refused', async () => {
    await sandbox.create(101, '--layout', 'overlay:directory');
    expect(await vzctl('set', '101', '--diskspace', '1G', '--save')).toMatchObject({ code: 62 });
  });

  it('two devices on one image: the second mount is refused', async () => {
    await start('overlay:image', '--diskspace', '64M');
    const image = `${sandbox.rootDir}/var/lib/vz/private/101/disk.img`;
    expect(statSync(image).blocks * 512).toBeLessThan(4 * MIB);
    const second = planMount(
      readContainerConfig(
        parseCtid('102'),
        parseConfig(''),
        parseConfig(
          `VE_ROOT="${sandbox.rootDir}/second"\nVE_PRIVATE="${dirname(image)}"\nVE_LAYOUT="overlay:image"\nLOCAL_UID="0"\n`,
        ),
        { host: 'vz.conf', container: '102.conf' },
      ),
      {
        node: '',
        below: [],
        template: [`${sandbox.rootDir}/var/lib/vz/template/cache/busybox/rootfs`],
      },
    );
    mkdirSync(`${sandbox.rootDir}/second`);
    await expect(mountRoot(second)).rejects.toThrow(/^cannot mount disk image '.*': EBUSY$/);
  });
});
