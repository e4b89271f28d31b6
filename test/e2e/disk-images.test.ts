/** Disk images in and out: real tables, file systems and formats, and such as want to get at this host. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exportDisk } from '../../dist/disk/export.js';
import { type ImportedDisk, type ImportOptions, importDisk } from '../../dist/disk/import.js';
import {
  describeTree,
  loopsOf,
  makeDisk,
  makeFilesystem,
  makeLvm,
  makeSystem,
  overwrite,
  tool,
  toolsOf,
} from '../helpers/disks.js';

const FSTAB = 'UUID=1 / ext4 defaults 0 1\n/swapfile none swap sw 0 0\nproc /proc proc defaults 0 0\n';
const DRIVERS = { raw: 'raw', qcow2: 'qcow2', vmdk: 'vmdk', vdi: 'vdi', vhd: 'vpc', vhdx: 'vhdx' } as const;
const MODULE = fileURLToPath(new URL('../../dist/disk/import.js', import.meta.url));

let at: string;
beforeAll(() => {
  at = mkdtempSync(`${tmpdir()}/cella-test-`);
  makeSystem(`${at}/system`, FSTAB);
  makeFilesystem(`${at}/ext4`, `${at}/system`);
});
afterEach(() => {
  for (const name of readdirSync(at))
    if (/^(out|tmp)/.test(name)) rmSync(`${at}/${name}`, { recursive: true });
  expect(readdirSync(at).filter((name) => name.startsWith('.'))).toEqual([]);
  // All that it may leave anywhere is about files in this directory.
  expect(loopsOf(at)).toEqual([]);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(at);
});
afterAll(() => rmSync(at, { recursive: true, force: true }));

function take(file: string, options: ImportOptions = {}): Promise<ImportedDisk> {
  return importDisk(`${at}/${file}`, `${at}/out`, options);
}

/** What a machine's data are once device nodes and what speaks to overlayfs are gone. */
function expectSameData(tree: string): void {
  rmSync(`${at}/tmp-data`, { recursive: true, force: true });
  tool(['cp', '-a', `${at}/system/data`, `${at}/tmp-data`]);
  tool(['rm', `${at}/tmp-data/disk`]);
  tool(['setfattr', '-x', 'trusted.overlay.opaque', `${at}/tmp-data/empty`]);
  expect(describeTree(`${tree}/data`)).toEqual(describeTree(`${at}/tmp-data`));
  expect(statSync(`${tree}/data/sparse`).blocks).toBeLessThan(64);
  expect(statSync(`${tree}/data/file`).ino).toBe(statSync(`${tree}/data/hard`).ino);
}

function make(file: string, kind: string): void {
  const inner = `${at}/tmp-inner`;
  if (kind === 'none') copyFileSync(`${at}/ext4`, file);
  else if (kind === 'mbr' || kind === 'gpt') makeDisk(file, kind === 'mbr' ? 'dos' : 'gpt', [`${at}/ext4`]);
  else if (kind === 'xfs' || kind === 'btrfs') {
    makeFilesystem(inner, `${at}/system`, { type: kind });
    makeDisk(file, 'gpt', [inner]);
  } else {
    makeLvm(inner, `${at}/ext4`, kind === 'lvm' ? [160] : [50, 60, 50]);
    makeDisk(file, 'gpt', [inner]);
  }
}

/** What the kernel mounts may differ from kernel to kernel, what is parsed does not: that is left to the host lane. */
const SLOW = { tags: ['slow'] };
const IMAGES = [
  ['raw', 'none', 'disk', SLOW],
  ['raw', 'mbr', '1', SLOW],
  ['raw', 'gpt', '1', SLOW],
  ['raw', 'scattered lvm', 'my-group/root', SLOW],
  ['raw', 'xfs', '1', {}],
  ['raw', 'btrfs', '1', {}],
  ['qcow2', 'gpt', '1', SLOW],
  ['qcow2', 'lvm', 'my-group/root', SLOW],
  ['vmdk', 'mbr', '1', SLOW],
  ['vdi', 'gpt', '1', SLOW],
  ['vhd', 'mbr', '1', SLOW],
  ['vhdx', 'scattered lvm', 'my-group/root', SLOW],
] as const;

describe('an import', () => {
  for (const [format, kind, root, options] of IMAGES)
    it(`of a ${format} image with ${kind} gives the files as they were`, options, async () => {
      make(`${at}/tmp-raw`, kind);
      if (format !== 'raw')
        tool(['qemu-img', 'convert', '-O', DRIVERS[format], `${at}/tmp-raw`, `${at}/tmp`]);
      const imported = await take(format === 'raw' ? 'tmp-raw' : 'tmp');
      expect(imported).toMatchObject({ format, root, system: 'A System', extras: {} });
      expect(imported.leftOut).toEqual(['/boot/grub', '/boot/vmlinuz-6.1', '/lib/modules/6.1', '/swapfile']);
      expectSameData(`${at}/out`);
      for (const name of ['boot', 'dev']) expect(readdirSync(`${at}/out/${name}`)).toEqual([]);
      expect(existsSync(`${at}/out/swapfile`)).toBe(false);
      expect(readFileSync(`${at}/out/etc/machine-id`, 'utf8')).toBe('');
      expect(readFileSync(`${at}/out/etc/fstab`, 'utf8')).toMatch(
        /^# .*UUID=1.*\n# .*swapfile.*\nproc \/proc/,
      );
    });

  it(
    'puts /var and /home in their places, by label and by device, and tells what is elsewhere',
    SLOW,
    async () => {
      const fstab =
        'LABEL=var /var ext4\n/dev/sda3 /home ext4\nUUID=beef /srv ext4\n/dev/sda3 /etc/../x ext4\n';
      makeSystem(`${at}/tmp-system`, fstab);
      for (const name of ['var', 'home'])
        tool(['sh', '-c', 'mkdir -p "$1/lib"; echo "$2" > "$1/lib/file"', 'sh', `${at}/tmp-${name}`, name]);
      makeFilesystem(`${at}/tmp-1`, `${at}/tmp-system`);
      makeFilesystem(`${at}/tmp-2`, `${at}/tmp-var`, { size: 32, label: 'var' });
      makeFilesystem(`${at}/tmp-3`, `${at}/tmp-home`, { size: 32 });
      makeDisk(`${at}/tmp`, 'gpt', [`${at}/tmp-1`, `${at}/tmp-2`, `${at}/tmp-3`]);
      const told: string[] = [];
      const imported = await take('tmp', {
        report: (event) => event.type === 'warning' && told.push(event.message),
      });
      expect(imported.extras).toEqual({ '/var': '2', '/home': '3' });
      expect(readFileSync(`${at}/out/var/lib/file`, 'utf8')).toBe('var\n');
      expect(readFileSync(`${at}/out/home/lib/file`, 'utf8')).toBe('home\n');
      expect(told).toEqual(["'/srv' is not on this disk: left out"]);
    },
  );

  it('asks which when two volumes hold a system', SLOW, async () => {
    makeDisk(`${at}/tmp`, 'gpt', [`${at}/ext4`, `${at}/ext4`]);
    await expect(take('tmp')).rejects.toThrow('several volumes hold a system: 1, 2');
    expect(await take('tmp', { root: '2' })).toMatchObject({ root: '2' });
  });

  it('that is aborted leaves nothing', { tags: ['slow'] }, async () => {
    tool(['qemu-img', 'convert', '-O', 'qcow2', `${at}/ext4`, `${at}/tmp`]);
    for (const step of ['convert', 'search', 'copy']) {
      const abort = new AbortController();
      const report = (event: { type: string; step?: string }): void => {
        if (event.step === step) abort.abort(new Error('enough'));
      };
      await expect(take('tmp', { signal: abort.signal, report })).rejects.toThrow('enough');
      expect(existsSync(`${at}/out`)).toBe(false);
    }
  });

  it.each(['disk.converted', 'disk.mounted', 'disk.copied'])(
    'that is killed at %s leaves nothing mounted and no loop device',
    SLOW,
    async (fault) => {
      const script = `import { importDisk } from ${JSON.stringify(MODULE)}; await importDisk(...process.argv.slice(1));`;
      const argv = ['--input-type=module', '--eval', script, `${at}/ext4`, `${at}/out`];
      const { signal } = spawnSync(process.execPath, argv, { env: { ...process.env, CELLA_FAULT: fault } });
      expect(signal).toBe('SIGKILL');
      for (let i = 0; loopsOf(at).length > 0 && i < 100; i++) await sleep(20);
      expect(loopsOf(at)).toEqual([]);
      for (const name of readdirSync(at))
        if (name.startsWith('.disk-')) rmSync(`${at}/${name}`, { recursive: true });
    },
  );
});

it.each(['convert', 'copy'])('an import killed during %s takes its tools with it', SLOW, async (step) => {
  makeSystem(`${at}/tmp-system`);
  tool(['dd', 'if=/dev/urandom', `of=${at}/tmp-system/data/noise`, 'bs=1M', 'count=200', 'status=none']);
  makeFilesystem(`${at}/tmp-raw`, `${at}/tmp-system`, { size: 400 });
  tool(['qemu-img', 'convert', '-O', 'qcow2', `${at}/tmp-raw`, `${at}/tmp`]);
  const script = `import { importDisk } from ${JSON.stringify(MODULE)}; const [file, tree, step] = process.argv.slice(1);
    const kill = () => process.kill(process.pid, 'SIGKILL');
    await importDisk(file, tree, { report: (event) => event.step === step && setTimeout(kill, 100) });`;
  const argv = ['--input-type=module', '--eval', script, `${at}/tmp`, `${at}/out`, step];
  expect(spawnSync(process.execPath, argv).signal).toBe('SIGKILL');
  const left = (): readonly string[] => [...loopsOf(at), ...toolsOf(at)];
  for (let i = 0; left().length > 0 && i < 100; i++) await sleep(20);
  expect(left()).toEqual([]);
  for (const name of readdirSync(at))
    if (name.startsWith('.disk-')) rmSync(`${at}/${name}`, { recursive: true });
});

describe('an export', SLOW, () => {
  it.each([
    ['raw', undefined],
    ['qcow2', 'gpt'],
    ['vmdk', 'mbr'],
    ['vdi', undefined],
    ['vhd', 'gpt'],
    ['vhdx', 'mbr'],
  ] as const)('as %s with table %s comes back as it went', async (format, partitioned) => {
    await exportDisk([`${at}/system`], `${at}/tmp`, { format, partitioned });
    expect(statSync(`${at}/tmp`).mode & 0o777).toBe(0o600);
    expect(statSync(`${at}/tmp`).blocks * 512).toBeLessThan(24 << 20);
    if (format !== 'raw') tool(['qemu-img', 'convert', '-O', 'raw', `${at}/tmp`, `${at}/tmp-raw`]);
    const raw = format === 'raw' ? `${at}/tmp` : `${at}/tmp-raw`;
    tool(['e2fsck', '-n', '-f', `${raw}?offset=${partitioned ? 1 << 20 : 0}`]);
    if (partitioned) expect(tool(['sfdisk', '--verify', raw])).toContain('No errors detected');
    expect(await take('tmp')).toMatchObject({ format, table: partitioned ?? 'none' });
    expectSameData(`${at}/out`);
  });

  it('shows the layers as one tree, without what upper ones remove', async () => {
    tool([
      'sh',
      '-euc',
      'mkdir -p "$1/etc"; mknod "$1/etc/passwd" c 0 0; echo new > "$1/etc/new"',
      'sh',
      `${at}/tmp,:up`,
    ]);
    await exportDisk([`${at}/tmp,:up`, `${at}/system`], `${at}/tmp.raw`);
    await take('tmp.raw');
    expect(readdirSync(`${at}/out/etc`)).toEqual(['fstab', 'machine-id', 'new', 'os-release']);
  });

  it('takes the place of nothing, and says when there is no room', async () => {
    writeFileSync(`${at}/tmp`, 'mine');
    await expect(exportDisk([`${at}/system`], `${at}/tmp`)).rejects.toThrow('exists already');
    expect(readFileSync(`${at}/tmp`, 'utf8')).toBe('mine');
    writeFileSync(`${at}/system/boot/large`, Buffer.alloc(24 << 20, 'x'));
    await expect(exportDisk([`${at}/system`], `${at}/tmp-2`, { size: 20 << 20 })).rejects.toMatchObject({
      code: 'NO_SPACE',
      message: 'the files do not fit into 20 MiB',
    });
    rmSync(`${at}/system/boot/large`);
  });
});

describe('an image that wants to get at this host', SLOW, () => {
  const secret = (): string => `${at}/tmp-secret`;
  const refused = async (why: string, options: ImportOptions = {}): Promise<void> => {
    await expect(take('tmp', options)).rejects.toThrow(why);
    expect(existsSync(`${at}/out`)).toBe(false);
  };

  it('by a backing file is refused', async () => {
    copyFileSync(`${at}/ext4`, secret());
    tool(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', secret(), '-F', 'raw', `${at}/tmp`]);
    await refused('relies on a backing file');
  });

  it('by an external data file is refused', async () => {
    tool(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', `data_file=${secret()}`, `${at}/tmp`, '64M']);
    await refused('relies on an external data file');
  });

  it('by an extent elsewhere is refused', async () => {
    writeFileSync(
      `${at}/tmp`,
      `# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\nRW 4096 FLAT "/etc/shadow" 0\n${'#'.repeat(1024)}`,
    );
    await refused('contents are in other files');
  });

  it('by links in its tree reads and writes nothing of it', async () => {
    makeSystem(`${at}/tmp-evil`, 'LABEL=evil /var/lib ext4\n');
    writeFileSync(secret(), 'secret');
    for (const name of ['etc/machine-id', 'etc/fstab', 'usr/lib/os-release', 'var']) {
      rmSync(`${at}/tmp-evil/${name}`, { recursive: true });
      symlinkSync(name === 'var' ? at : secret(), `${at}/tmp-evil/${name}`);
    }
    makeFilesystem(`${at}/tmp`, `${at}/tmp-evil`);
    expect(await take('tmp')).toMatchObject({ system: '', extras: {} });
    expect(readFileSync(secret(), 'utf8')).toBe('secret');
    expect(existsSync(`${at}/lib`)).toBe(false);
  });

  it('by its size is refused before anything is unpacked', async () => {
    tool(['qemu-img', 'create', '-q', '-f', 'qcow2', `${at}/tmp`, '10T']);
    await refused('states a size of 10240 GiB, more than the limit of 2048 GiB');
    tool(['qemu-img', 'create', '-q', '-f', 'vhdx', `${at}/tmp`, '3T']);
    await refused('states a size of 3072 GiB');
  });

  it('that ends too early or is broken is refused in one sentence', async () => {
    make(`${at}/tmp`, 'mbr');
    truncateSync(`${at}/tmp`, 80 << 20);
    await refused('partition 1 reaches beyond the end of the disk image');
    copyFileSync(`${at}/ext4`, `${at}/tmp`);
    overwrite(`${at}/tmp`, 4096, Buffer.alloc(4096, 0xff));
    await refused('the file system of volume disk is broken');
    copyFileSync(`${at}/ext4`, `${at}/tmp`);
    overwrite(`${at}/tmp`, 1024 + 96, Buffer.from([readFileSync(`${at}/tmp`).readUInt8(1024 + 96) | 4]));
    await refused('was not unmounted');
    writeFileSync(`${at}/tmp`, Buffer.alloc(1 << 20));
    await refused('no root file system was found on the disk');
  });
});

it('a large raw disk takes little room and time where it is empty', SLOW, async () => {
  truncateSync(`${at}/ext4`, 0);
  makeFilesystem(`${at}/ext4`, `${at}/system`, { size: 200 << 10 });
  const start = Date.now();
  await take('ext4');
  expect(Date.now() - start).toBeLessThan(30_000);
  expectSameData(`${at}/out`);
});
