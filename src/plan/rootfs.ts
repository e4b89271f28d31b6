/** The mounts of a container beyond its root: /dev, /proc, /sys, /run, and what is hidden in them. */
import type { InsideStep, SourceStep } from './launch-plan.js';

/** Bound from the host rather than made: mknod(2) is refused in a user namespace. */
const DEVICES: ReadonlyArray<readonly [name: string, major: number, minor: number]> = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
];

/** Kernel interfaces that are not namespaced and would tell on, or reach, the host. */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
] as const;

const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sysrq-trigger'] as const;

/** Slot of the container's own cgroup v2 directory, behind the devices. */
const CGROUP_SLOT = DEVICES.length + 1;

const DEVICE_SOURCES = DEVICES.map(
  ([name, ...device], i): SourceStep => ({
    op: 'source',
    slot: i + 1,
    path: `/dev/${name}`,
    readOnly: false,
    device,
  }),
);

/** `cgroup`: the v2 directory that the container sees as its own. */
export function planSources(cgroup: string | null, privileged: boolean): readonly SourceStep[] {
  if (cgroup === null) return DEVICE_SOURCES;
  // Root of the host could raise its own limits through a writable one.
  return [...DEVICE_SOURCES, { op: 'source', slot: CGROUP_SLOT, path: cgroup, readOnly: privileged }];
}

const KERNEL: readonly InsideStep[] = [
  { op: 'mount', path: '/proc', type: 'proc', flags: ['nosuid', 'nodev', 'noexec'], options: {} },
  { op: 'mount', path: '/sys', type: 'sysfs', flags: ['ro', 'nosuid', 'nodev', 'noexec'], options: {} },
];

const CGROUP: InsideStep = { op: 'attach', path: '/sys/fs/cgroup', slot: CGROUP_SLOT, directory: true };

const RUN_AND_DEV: readonly InsideStep[] = [
  {
    op: 'mount',
    path: '/run',
    type: 'tmpfs',
    flags: ['nosuid', 'nodev'],
    options: { mode: '755', size: '20%' },
  },
  { op: 'mount', path: '/dev', type: 'tmpfs', flags: ['nosuid', 'strictatime'], options: { mode: '755' } },
  ...DEVICES.map(
    ([name], i): InsideStep => ({ op: 'attach', path: `/dev/${name}`, slot: i + 1, directory: false }),
  ),
  {
    op: 'mount',
    path: '/dev/pts',
    type: 'devpts',
    flags: ['nosuid', 'noexec'],
    options: { ptmxmode: '0666', mode: '0620', gid: '5' },
  },
  { op: 'mount', path: '/dev/shm', type: 'tmpfs', flags: ['nosuid', 'nodev'], options: { mode: '1777' } },
  { op: 'symlink', path: '/dev/ptmx', to: 'pts/ptmx' },
  { op: 'symlink', path: '/dev/fd', to: '/proc/self/fd' },
  { op: 'symlink', path: '/dev/stdin', to: '/proc/self/fd/0' },
  { op: 'symlink', path: '/dev/stdout', to: '/proc/self/fd/1' },
  { op: 'symlink', path: '/dev/stderr', to: '/proc/self/fd/2' },
];

/** What a restored systemd would fall over: a file below its control group bound to one of its services. */
const FOR_SYSTEMD: readonly InsideStep[] = [
  // The first file on a tmpfs is inode 2, as the root of an overlay on several file systems is (ovl_map_ino() in
  // Linux). CRIU takes files that are watched for the root where the numbers agree (alloc_openable() in fsnotify.c):
  // let that be one that nobody watches, since systemd mounts something there.
  { op: 'directory', path: '/run/lock' },
  { op: 'directory', path: '/run/systemd' },
  { op: 'directory', path: '/run/systemd/system.conf.d' },
  { op: 'directory', path: '/run/systemd/user.conf.d' },
  { op: 'directory', path: '/run/systemd/system' },
  { op: 'directory', path: '/run/systemd/system/user@.service.d' },
  ...[
    ['system.conf.d', '[Manager]\nDefaultMemoryPressureWatch=off\n'],
    ['user.conf.d', '[Manager]\nDefaultMemoryPressureWatch=off\n'],
    // A user's manager, which looks for itself.
    ['system/user@.service.d', '[Service]\nMemoryPressureWatch=off\n'],
  ].map(
    ([place, text = '']): InsideStep => ({ op: 'file', path: `/run/systemd/${place}/50-cella.conf`, text }),
  ),
];

const HIDDEN: readonly InsideStep[] = [
  ...MASKED.map((path): InsideStep => ({ op: 'mask', path })),
  ...READ_ONLY.map((path): InsideStep => ({ op: 'readOnly', path })),
];

/** Without a user namespace the kernel would let root write every sysctl; only the network's are its own. */
const PRIVILEGED_PROC: readonly InsideStep[] = [
  { op: 'readOnly', path: '/proc/sys' },
  { op: 'readOnly', path: '/proc/sys/net', writable: true },
];

/** The first slot that `planSources` leaves free. */
export function freeSlot(cgroup: string | null): number {
  return cgroup === null ? CGROUP_SLOT : CGROUP_SLOT + 1;
}

export interface MountOptions {
  /** The v2 directory that the container sees as its own. */
  readonly cgroup: string | null;
  readonly privileged: boolean;
  /** A user namespace in it may mount /proc and /sys only where it sees all of them (mount_too_revealing in Linux). */
  readonly nesting: boolean;
}

export function planMounts({ cgroup, privileged, nesting }: MountOptions): readonly InsideStep[] {
  return [
    ...KERNEL,
    ...(cgroup === null ? [] : [CGROUP]),
    ...RUN_AND_DEV,
    ...FOR_SYSTEMD,
    // What they hide belongs to root of the host, whom only a privileged container's root is.
    ...(nesting && !privileged ? [] : HIDDEN),
    ...(privileged ? PRIVILEGED_PROC : []),
  ];
}
