/** Disks of virtual machines, made by the tools that make them elsewhere. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { groupText, physicalVolume, type Segment } from './lvm.js';

const MIB = 1 << 20;
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

export function tool(argv: readonly string[], input = ''): string {
  const [command = '', ...args] = argv;
  return execFileSync(command, args, { input, env: { ...process.env, PATH }, stdio: 'pipe' }).toString();
}

/** A small system with everything that a copy can lose below /data. */
export function makeSystem(tree: string, fstab = ''): void {
  tool([
    'sh',
    '-euc',
    `mkdir -p "$1" && cd "$1"
      mkdir -p etc sbin usr/lib boot/grub lib/modules/6.1 dev var/lib home data/setuid data/empty
      echo 'PRETTY_NAME="A System"' > usr/lib/os-release; ln -s ../usr/lib/os-release etc/os-release
      echo root:x:0:0::/:/bin/sh > etc/passwd; echo 0123456789abcdef > etc/machine-id
      printf %s "$2" > etc/fstab
      echo kernel > boot/vmlinuz-6.1; echo menu > boot/grub/grub.cfg; echo module > lib/modules/6.1/x.ko
      echo swap > swapfile; mknod dev/sda b 8 0; mknod data/disk b 8 0
      cd data; echo text > file; ln file hard; chown 1234:70000 file; chmod 640 file
      setfattr -n user.note -v hello file
      setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000600e803000004000400ffffffff10000600ffffffff20000000ffffffff file
      echo tool > capable; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 capable
      setfattr -n trusted.overlay.opaque -v y empty
      chmod 6755 setuid; ln -s /etc/shadow link; mkfifo fifo; : > 'new
line'; printf x > "$(printf 'blank \\303\\251')"
      truncate -s 3G sparse; echo end | dd of=sparse bs=1 seek=2G conv=notrunc status=none
      touch -d @1000000000 file`,
    'sh',
    tree,
    fstab,
  ]);
}

/** One line for each file: kind, mode, owner, size, links, time, target; and every attribute. */
export function describeTree(tree: string): readonly string[] {
  const format = '%P %y %m %U:%G %s %n %Ts %l\\0';
  // Sizes of directories are the file system's matter.
  const files = tool(['find', tree, '-mindepth', '1', '-printf', format]).split('\0');
  const attributes = tool([
    'sh',
    '-c',
    'cd "$1" && find . -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex',
    'sh',
    tree,
  ]);
  return [...files.map((line) => line.replace(/( d \S+ \S+) \d+ \d+ \d+/, '$1')).sort(), attributes];
}

export type Type = 'ext4' | 'xfs' | 'btrfs';

/** The tree as a file system in a file. */
export function makeFilesystem(
  file: string,
  tree: string,
  { type = 'ext4' as Type, size = 160, label = '' } = {},
): void {
  writeFileSync(file, '');
  truncateSync(file, (type === 'xfs' ? 320 : size) * MIB);
  if (type === 'ext4') tool(['mkfs.ext4', '-q', '-F', '-b', '4096', '-L', label, '-d', tree, file]);
  // Under a subvolume, as distributions have it.
  else
    tool([
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-euc',
      `mkfs.$1 -q "$2"; mkdir -p "$2.mnt"; mount -t $1 -o loop "$2" "$2.mnt"
      at=$2.mnt; [ $1 != btrfs ] || { at=$at/@; btrfs -q subvolume create "$at"; }
      cp -a "$3/." "$at"; umount "$2.mnt"; rmdir "$2.mnt"`,
      'sh',
      type,
      file,
      tree,
    ]);
}

/** A disk with a partition for each file, by sfdisk. */
export function makeDisk(file: string, table: 'dos' | 'gpt', parts: readonly string[]): void {
  const sizes = parts.map((part) => Math.ceil(sizeOf(part) / MIB));
  writeFileSync(file, '');
  truncateSync(file, (sizes.reduce((sum, size) => sum + size, 0) + 4 + parts.length) * MIB);
  const lines = sizes.map((size) => `size=${size}MiB`);
  tool(['sfdisk', '--quiet', file], `label: ${table}\n${lines.join('\n')}\n`);
  const placed = JSON.parse(tool(['sfdisk', '--json', file])) as {
    readonly partitiontable: { readonly partitions: readonly { readonly start: number }[] };
  };
  for (const [i, { start }] of placed.partitiontable.partitions.entries())
    place(parts[i] ?? '', file, { from: 0, to: start * 512, length: sizeOf(parts[i] ?? '') });
}

const UUIDS = ['abcdefghijklmnopqrstuvwxyz012345'];

/** A physical volume with one logical one, `root`, in pieces of so many MiB, backwards and with gaps. */
export function makeLvm(file: string, content: string, pieces: readonly number[]): void {
  const total = Math.ceil(sizeOf(content) / MIB);
  const space = total + pieces.length * 2;
  let [done, end] = [0, space];
  const segments = pieces.map((piece): Segment => {
    const count = Math.min(piece, total - done);
    done += count;
    end -= count + 1;
    return { pv: 0, first: end, count };
  });
  const text = groupText(UUIDS, { root: segments }).replace('pe_count = 99', `pe_count = ${space}`);
  const size = (space + 2) * MIB;
  writeFileSync(file, physicalVolume(size, UUIDS[0] ?? '', text));
  truncateSync(file, size);
  let from = 0;
  for (const { first, count } of segments) {
    place(content, file, { from, to: (first + 1) * MIB, length: count * MIB });
    from += count * MIB;
  }
}

interface Move {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

function place(source: string, target: string, { from, to, length }: Move): void {
  tool([
    'dd',
    `if=${source}`,
    `of=${target}`,
    'bs=1M',
    `skip=${from}`,
    `seek=${to}`,
    `count=${length}`,
    'iflag=skip_bytes,count_bytes,fullblock',
    'oflag=seek_bytes',
    'conv=notrunc,sparse',
    'status=none',
  ]);
}

/** Overwrites bytes in the middle of a file. */
export function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

function sizeOf(file: string): number {
  return Number(tool(['stat', '--format=%s', file]));
}

/** Backing files of loop devices below `directory`. */
export function loopsOf(directory: string): readonly string[] {
  return tool(['sh', '-c', 'cat /sys/block/loop*/loop/backing_file 2>/dev/null || true'])
    .split('\n')
    .filter((path) => path.startsWith(directory));
}

/** Command lines of processes that name `directory`. */
export function toolsOf(directory: string): readonly string[] {
  const script = 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n"';
  return tool(['sh', '-c', script])
    .split('\n')
    .filter((word) => word.includes(directory));
}
