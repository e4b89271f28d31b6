/** Loads the addon and gives it types; the only file that knows where the native parts are. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What the runtime learns of a process that it made. Descriptors belong to the caller; -1: none. */
export interface Born {
  readonly pid: number;
  readonly pidfd: number;
  readonly terminal: number;
}

/** A child that is held back: `control` lets it go. */
export interface Held extends Born {
  readonly control: number;
  /** It has nothing left to do but its last step. */
  readonly waiting: boolean;
}

/** How a process ended. Both null: it was not ours to wait for, so nobody told. */
export interface Ended {
  readonly code: number | null;
  readonly signal: number | null;
}

/** What the keeper is told, and says (native/core/protocol.h). */
export interface Packet {
  readonly say: number;
  readonly value: number;
  readonly token: number;
  /** The receiver's; -1: none. */
  readonly fd: number;
}

/** A directory that is being filled by the addon. */
export interface Tree {
  readonly [tree]: never;
}
declare const tree: unique symbol;

/** A tree that is being listed by the addon. */
export interface Listing {
  readonly [listing]: never;
}
declare const listing: unique symbol;

type Stdio = readonly [number, number, number];

/** Ids are the host's. */
export interface GuestOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface GuestFile extends GuestOwner {
  readonly bytes: Buffer;
}

/** Bytes and counts; 0n: no limit. */
export interface ProjectLimits {
  readonly softBytes: bigint;
  readonly hardBytes: bigint;
  readonly softInodes: bigint;
  readonly hardInodes: bigint;
}

/** One entry per function in native/addon/addon.cc; every one fails with a Node system error. */
export interface Binding {
  /** Seals a copy of the launcher program in memory; to be called once. */
  setLauncher(program: Uint8Array): void;
  /**
   * Runs the plan's outside steps and clones; the child waits. stdio -1: the null device. A guard's plan has no child:
   * it ends the process of `pidfd` when `control` is closed. A keeper's has a listening socket in the place of `pidfd`.
   * With the socket of a `keeper` the child is that one's; stdio is the null device then.
   */
  spawn(plan: Uint8Array, stdio: Stdio, pidfd?: number, keeper?: number): Promise<Held>;
  /** Settles when the child of spawn() has nothing left to do but its last step. Takes over `control`, returns it. */
  untilWaiting(control: number): Promise<Held>;
  /** Lets the child of spawn() go; settles when user code runs. Takes over and closes `control`. */
  release(control: number): Promise<Born>;
  /** Runs a command in the container that `pidfd` belongs to. */
  enter(plan: Uint8Array, stdio: Stdio, pidfd: number): Promise<Born>;
  /** In the background it does not keep the embedding process alive. */
  wait(pidfd: number, background?: boolean): Promise<Ended>;
  /** A socket of packets; what was at `path` goes. */
  listenPacket(path: string): number;
  connectPacket(path: string): number;
  /** Has whoever waits for a packet see the end. */
  endPackets(socket: number): void;
  /** fd -1: none. */
  sendPacket(socket: number, packet: Omit<Packet, 'fd'>, fd: number): void;
  /** One at a time; null at the end. In the background it does not keep the embedding process alive. */
  receivePacket(socket: number, background: boolean): Promise<Packet | null>;
  /** Two ends of a connection for messages of any length. */
  messagePair(): readonly [ours: number, theirs: number];
  /** Two ends of a connection for bytes. */
  streamPair(): readonly [ours: number, theirs: number];
  sendMessage(socket: number, bytes: Uint8Array): void;
  /** One at a time; null at the end. fd -1: none came with it. */
  receiveMessage(socket: number): Promise<{ readonly bytes: Buffer; readonly fd: number } | null>;
  /** A copy of a pty's master that a socket of CRIU's has in it; -1: none is. */
  storedMaster(pidfd: number, descriptor: number, number: number): number;
  /** Opens `path` and flocks it without waiting (EAGAIN); returns the descriptor. */
  lock(path: string): number;
  /** Has two files swap their names at once; false where the file system cannot. */
  exchange(first: string, second: string): boolean;
  /** Of what another process serves: it may take for ever, and the embedding process may end meanwhile. */
  exists(path: string): Promise<boolean>;
  /** MAJOR:MINOR of what is mounted there; '': nothing is; null: the kernel does not say (before Linux 5.8). */
  mountDevice(path: string): string | null;
  /**
   * Text of a file in /proc or of a control group, in a fifth of the time that Node takes; null: no such file, process or
   * controller.
   */
  readKernelFile(path: string): string | null;
  /** Whether anybody has this file open, a loop device too; true where nobody can tell. */
  isOpen(path: string): boolean;
  /** A pidfd; -1 where there is no such process. */
  openPid(pid: number): number;
  /** Has an armed timer of a process go off when it would, but as one set by how long that is from now. */
  relativeTimer(pidfd: number, descriptor: number): void;
  /** A connection of TCP that is in repair mode works again; `pidfd` and `descriptor` as above. */
  endRepair(pidfd: number, descriptor: number): void;
  signalPid(pidfd: number, signal: number): void;
  /**
   * Moves a network interface between namespaces, given by descriptors; returns its index there, -1 when it is gone
   * already. Index 0: the interface of that name, else it gets that name.
   */
  moveLink(from: number, to: number, index: number, name: string): Promise<number>;
  /**
   * Sends each request, a datagram of netlink messages, and returns all that the kernel answers, one after the other.
   * `namespace`: a descriptor of a network namespace, -1: this process's own.
   */
  netlink(namespace: number, protocol: number, requests: readonly Uint8Array[]): Promise<Buffer>;
  /** The same of one datagram in this process's own network, before it returns: for a few lookups. */
  netlinkNow(protocol: number, request: Uint8Array): Buffer;
  /** Sends frames on an interface of this host; returns those of `protocol` that came within `wait` milliseconds. */
  exchangeFrames(
    index: number,
    protocol: number,
    frames: readonly Uint8Array[],
    wait: number,
  ): Promise<readonly Buffer[]>;
  /** Unmounts all that is mounted at `path`; nothing there is fine. */
  umount(path: string): Promise<void>;
  /** Programs that are run from now on get no descriptors but the standard ones, whoever left others open for them. */
  closeOnExec(): void;
  pipe(): readonly [read: number, write: number];
  /** Bytes that wait in a pipe. */
  unread(fd: number): number;
  setWindowSize(fd: number, rows: number, columns: number): void;
  /**
   * A file of the tree at `root`, at most `limit` bytes of it (EFBIG). Symbolic links mean what they mean in it. ENODEV:
   * neither a file nor a directory.
   */
  readGuestFile(root: string, path: string, limit: number): Promise<GuestFile>;
  /** Puts a new file in the place of whatever but a directory is there (EISDIR); a file's owner and mode stay. */
  replaceGuestFile(root: string, path: string, bytes: Uint8Array, fresh: GuestOwner): Promise<void>;
  /** As shadow(5) has it, with a fresh salt; ERANGE: too long. */
  hashPassword(password: string): Promise<string>;
  /** Whether the file system of a directory enforces project quotas. */
  hasProjectQuota(directory: string): boolean;
  projectOf(directory: string): number;
  /** What is made in the directory from now on belongs to the project. */
  setProject(directory: string, id: number): void;
  setProjectLimits(directory: string, id: number, limits: ProjectLimits): void;
  projectUsage(directory: string, id: number): { readonly bytes: bigint; readonly inodes: bigint };
  /** After the image behind a loop device has become longer. Blocks are of 4 KiB. */
  growExt4(device: string, blocks: bigint): Promise<void>;
  /** Gives unused blocks back to the host; returns their bytes. */
  trimExt4(device: string): Promise<bigint>;
  /** Fails where the file system of a directory cannot be seen with the ids of a user namespace (a file of /proc). */
  tryIdmap(directory: string, namespace: string): void;
  isBtrfs(directory: string): boolean;
  createSubvolume(directory: string, name: string): void;
  snapshotSubvolume(source: string, directory: string, name: string, readOnly: boolean): void;
  deleteSubvolume(directory: string, name: string): void;
  /** Switches quotas on where they are off; 0n: no limit. */
  limitSubvolume(directory: string, bytes: bigint): void;
  /** Makes one of two layers of an overlay, by moving what only the lower one has. */
  mergeLayers(top: string, bottom: string): Promise<void>;
  /** Has a copied layer of an overlay forget which files of layers below its own were made from. */
  clearOrigins(layer: string): Promise<void>;
  /** `live`: what goes meanwhile is left out, else it is a failure. */
  openListing(directory: string, live: boolean, pathLength: number, depth: number): Listing;
  /** The next lines of it (native/addon/listing.h); none at the end. One call at a time. */
  nextEntries(listing: Listing): Promise<Buffer>;
  openTree(directory: string): Tree;
  /**
   * Entries as template/tree-writer.ts encodes them, in the order of the calls. The batch may be used again at once, the
   * memories, which hold the data, once it is done.
   */
  addToTree(tree: Tree, batch: Uint8Array, memories: readonly ArrayBufferLike[]): Promise<void>;
  /** Gives directories their modes and times. */
  finishTree(tree: Tree): Promise<void>;
  /** Lets go of the directory; nothing more can be added. */
  closeTree(tree: Tree): Promise<void>;
  /** Extended attributes of the file itself, never of what it links to. */
  readXattrs(path: Uint8Array): readonly (readonly [name: string, value: Buffer])[];
}

const DIRECTORIES = ['../../build/Release/', '../../build/cmake/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

interface Loaded {
  readonly binding: Binding;
  /** Where all that was built with it is. */
  readonly directory: string;
}

let loaded: Loaded | undefined;

/** The addon, loaded on first use. */
export function native(): Binding {
  loaded ??= load();
  return loaded.binding;
}

/** PATH for CRIU: it finds our `tar` first (native/tar), and the real one where it may not run that. */
export function criuPath(): string {
  loaded ??= load();
  return `${loaded.directory}criu:${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`;
}

function load(): Loaded {
  const require = createRequire(import.meta.url);
  const failures: Error[] = [];
  for (const directory of DIRECTORIES) {
    try {
      const binding = require(`${directory}cella.node`) as Binding;
      binding.setLauncher(readFileSync(`${directory}cella-launcher`));
      return { binding, directory };
    } catch (error) {
      failures.push(error as Error);
    }
  }
  throw new AggregateError(
    failures,
    `the native addon is not built: run "npm rebuild" (tried ${DIRECTORIES.join(', ')})`,
  );
}
