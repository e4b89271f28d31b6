/**
 * What a launch will do, as data: the whole vocabulary of the native launcher.
 *
 * `outside` runs as root of the host before the clone, `after` on the host, `inside` in the child: up to the step
 * `root` side by side with `after`, up to the last one before anybody says go. `vzctl start --plan` prints this;
 * `encode.ts` turns it into bytes.
 */

import type { BindFlag } from '../config/bindmounts.js';
import type { DeviceAccess } from './device-policy.js';
import type { SeccompProfile } from './seccomp.js';

export type MountFlag = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'strictatime';
export type Namespace = 'user' | 'mount' | 'pid' | 'net' | 'ipc' | 'uts' | 'cgroup' | 'time';

export type CgroupStep =
  /** `parents`: how many directories above it are made where they are missing. */
  | { readonly op: 'makeCgroup'; readonly path: string; readonly parents: number }
  /** cgroup v2: lets the groups below have controllers. `path`: of the file cgroup.subtree_control. */
  | { readonly op: 'enable'; readonly path: string; readonly controllers: readonly string[] }
  /** cgroup v1: joins one hierarchy. */
  | { readonly op: 'joinTasks'; readonly path: string }
  /** cgroup v2: the child is cloned into it. */
  | { readonly op: 'intoCgroup'; readonly path: string }
  /** Gives a group and, where they are there, files of it to a user of the host. */
  | {
      readonly op: 'own';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly files: readonly string[];
    };

/** Says what all in a group of cgroup v2 may do with devices. */
export type DevicesStep = {
  readonly op: 'devices';
  readonly path: string;
  readonly access: readonly DeviceAccess[];
};

/** A time namespace for the child, whose clocks begin at zero. */
export type ClocksStep = { readonly op: 'clocks' };

export type WriteStep = { readonly op: 'writeFile'; readonly path: string; readonly value: string };

/** Opens a host path as a mount for `attach`; slots count from 1, without gaps. */
export type SourceStep = {
  readonly op: 'source';
  readonly slot: number;
  readonly path: string;
  readonly readOnly: boolean;
  readonly device?: readonly [number, number];
};

/** Makes nodes of devices, as mounts for `attach`. */
export type NodesStep = {
  readonly op: 'nodes';
  /** A directory to work in, unseen by others. */
  readonly target: string;
  readonly nodes: readonly {
    readonly slot: number;
    readonly type: 'b' | 'c';
    readonly major: number;
    readonly minor: number;
    readonly permissions: number;
    readonly uid: number;
    readonly gid: number;
  }[];
};

/** Opens a directory or file of the host as a mount for `attach`; no component may be a symbolic link. */
export type BindStep = {
  readonly op: 'bind';
  readonly slot: number;
  /** A directory of ours beneath which the path is made where it is missing; null: the path is the host's. */
  readonly base: string | null;
  readonly path: string;
  readonly flags: readonly BindFlag[];
  /** Whose ids its files get: the child's, or those of a process of the container; null: the host's. */
  readonly ids: 'child' | number | null;
  /** Where the host has it too: a directory, or a file. */
  readonly target?: string;
};

/** Mounts the file system in a disk image as the private area of the overlay step behind it. */
export type ImageStep = {
  readonly op: 'image';
  readonly path: string;
  /** The loop device that has it already; the launcher looks whether that is still so. */
  readonly device?: string;
  /** As for mount(8): names, or names with values. */
  readonly options: readonly string[];
};

export type OverlayStep = {
  readonly op: 'overlay';
  readonly target: string;
  /** The private area; unused behind an image step. */
  readonly area: string;
  /** In the area: what is written to or, for a plain tree, is the root; null: an overlay of `lower` alone. */
  readonly contents: string | null;
  /** In the area; null for a plain tree, which has no layers. */
  readonly work: string | null;
  /** Layers, topmost first: directories of the host, or without a leading slash of the area. */
  readonly lower: readonly string[];
  readonly idmapped: boolean;
  readonly readOnly?: boolean;
  /** Takes the way of kernels before 6.13 even on a newer one. */
  readonly byPaths?: boolean;
  /** Never syncs; it cannot be mounted once more. */
  readonly volatile?: boolean;
  /**
   * Set-user-ID bits count at the target as well, where only the container's root has them otherwise: in a user namespace
   * CRIU cannot take nosuid off the root that it is given (mount_namespaces(7), locked flags).
   */
  readonly setuid?: boolean;
};

/** The root is what is mounted there already, with all that is mounted below it. */
export type TreeStep = { readonly op: 'tree'; readonly path: string };

export type OutsideStep = CgroupStep | WriteStep | DevicesStep | ClocksStep | ImageStep;
export type AfterStep = WriteStep | SourceStep | NodesStep | BindStep | ImageStep | OverlayStep | TreeStep;

export type InsideStep =
  | {
      readonly op:
        | 'become'
        | 'pivot'
        | 'loopback'
        | 'null'
        | 'terminal'
        | 'keyring'
        | 'noNewPrivileges'
        /** Equal pages of its memory are to be merged (KSM). */
        | 'merge'
        | 'done';
    }
  | { readonly op: 'unshare'; readonly namespaces: readonly Namespace[] }
  | { readonly op: 'root' | 'directory' | 'mask' | 'console' | 'chdir' | 'detach'; readonly path: string }
  | { readonly op: 'readOnly'; readonly path: string; readonly writable?: boolean }
  | {
      readonly op: 'mount';
      readonly path: string;
      readonly type: string;
      readonly flags: readonly MountFlag[];
      readonly options: Readonly<Record<string, string>>;
    }
  | {
      readonly op: 'attach';
      readonly path: string;
      readonly slot: number;
      /** `either`: as the mount is, with the directories above it made where they are missing. */
      readonly directory: boolean | 'either';
    }
  | { readonly op: 'symlink'; readonly path: string; readonly to: string }
  | { readonly op: 'file'; readonly path: string; readonly text: string }
  /** In a kernel file system that is mounted already. */
  | { readonly op: 'sysctl'; readonly path: string; readonly value: string }
  | { readonly op: 'hostname'; readonly name: string }
  | {
      readonly op: 'rlimit';
      readonly resource: keyof typeof RLIMITS;
      readonly soft: number;
      readonly hard: number;
    }
  | { readonly op: 'capabilities'; readonly names: readonly string[] }
  | {
      readonly op: 'seccomp';
      readonly profile: SeccompProfile;
      readonly arch: 'x64' | 'arm64';
      /** An emulator runs the container's programs. */
      readonly emulated?: true;
    }
  | {
      readonly op: 'identity';
      readonly uid: number;
      readonly gid: number;
      readonly groups: readonly number[];
    }
  | {
      readonly op: 'exec';
      readonly paths: readonly string[];
      readonly argv: readonly string[];
      readonly env: readonly string[];
    };

export type Step = OutsideStep | AfterStep | InsideStep;

export interface IdMap {
  readonly uid: number;
  readonly gid: number;
  readonly count: number;
}

export interface LaunchPlan {
  readonly mode: 'launch' | 'enter' | 'mount' | 'guard' | 'keep' | 'program';
  /** What the first process is cloned into or, for enter, joins. */
  readonly namespaces: readonly Namespace[];
  /** Null: no user namespace, root inside is root of the host. */
  readonly ids: IdMap | null;
  readonly outside: readonly OutsideStep[];
  readonly after: readonly AfterStep[];
  readonly inside: readonly InsideStep[];
}

/** Resource numbers of setrlimit(2), the same on x86-64 and arm64. */
export const RLIMITS = { core: 4, nproc: 6, nofile: 7, memlock: 8, sigpending: 11 } as const;
