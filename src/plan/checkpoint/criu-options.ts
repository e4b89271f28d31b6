/**
 * What CRIU is told of a container, for a dump and for a restore. Pure. Its network is empty for CRIU, which cannot give a
 * user namespace one that is older: the runtime makes its links again when CRIU has made it a network.
 */
import { CGROUPS, type CriuOptions, NETWORK_LOCK } from './criu-request.js';

/** A mount of the host's in the container, which CRIU is to take from somewhere again. */
export interface ExternalMount {
  /** Names it in the images. */
  readonly key: string;
  /** In the container. */
  readonly target: string;
  /** On this host. */
  readonly source: string;
}

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** Nodes of devices, which nobody in a user namespace can make. */
export const DEVICE_MOUNTS: readonly ExternalMount[] = DEVICES.map((name) => ({
  key: `dev-${name}`,
  target: `/dev/${name}`,
  source: `/dev/${name}`,
}));

/** A file of lxcfs, which is mounted at `directory` of this host. */
export function viewMount(name: string, directory: string): ExternalMount {
  return { key: `lxcfs-${name.replaceAll('/', '-')}`, target: `/${name}`, source: `${directory}/${name}` };
}

/** Of the bind mounts that it has, the one with that number. */
export function bindMount(number: number, target: string, source: string): ExternalMount {
  return { key: `bind-${number}`, target, source };
}

const CLONE_NEWNET = 0x4000_0000;
const MIB = 1 << 20;

const COMMON = {
  tcp_established: true,
  file_locks: true,
  link_remap: true,
  // Both, for a console whose other side is outside.
  shell_job: true,
  orphan_pts_master: true,
  empty_ns: CLONE_NEWNET,
  manage_cgroups: true,
  notify_scripts: true,
  log_level: 4,
} as const satisfies Partial<CriuOptions>;

export interface DumpTarget {
  /** Descriptor of the directory of images. */
  readonly images: number;
  readonly init: number;
  readonly mounts: readonly ExternalMount[];
  /** Its directory of cgroup v2, by which it is frozen; null: it has none. */
  readonly cgroup: string | null;
  /** Whether it goes on afterwards. */
  readonly goesOn: boolean;
  /** Images that it builds upon, from its own directory on. */
  readonly parent?: string | undefined;
}

export function dumpOptions({ images, init, mounts, cgroup, goesOn, parent }: DumpTarget): CriuOptions {
  return {
    ...COMMON,
    images_dir_fd: images,
    pid: init,
    leave_running: goesOn,
    log_file: 'dump.log',
    // Deleted files that are still open are kept in the images, up to this size.
    ghost_limit: 64 * MIB,
    // A connection that is just being made is dropped, as on a bad line.
    tcp_skip_in_flight: true,
    network_lock: NETWORK_LOCK.nftables,
    // Which of its groups a process is in, and nothing of the groups themselves: those are the runtime's.
    manage_cgroups_mode: CGROUPS.ignore,
    timeout: 60,
    ...(cgroup === null ? {} : { freeze_cgroup: cgroup }),
    ...(parent === undefined ? {} : { parent_img: parent, track_mem: true }),
    external: mounts.map(({ key, target }) => `mnt[${target}]:${key}`),
  };
}

export interface RestoreTarget {
  readonly images: number;
  /** Where its root is mounted. */
  readonly root: string;
  readonly mounts: readonly ExternalMount[];
  /** Whether it went on after its dump: peers of its connections may have gone further than the dump knows. */
  readonly wentOn: boolean;
  /** Whether it is to stand still once it is there. */
  readonly still: boolean;
  /** Whether its memory is fetched as it needs it. */
  readonly lazy: boolean;
}

export function restoreOptions({ images, root, mounts, wentOn, still, lazy }: RestoreTarget): CriuOptions {
  return {
    ...COMMON,
    images_dir_fd: images,
    root,
    log_file: 'restore.log',
    rst_sibling: true,
    ...(wentOn ? { tcp_close: true } : {}),
    ...(still ? { leave_stopped: true } : {}),
    ...(lazy ? { lazy_pages: true } : {}),
    manage_cgroups_mode: CGROUPS.soft,
    external: mounts.map(({ key, source }) => `mnt[${key}]:${source}`),
  };
}
