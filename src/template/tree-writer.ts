/** Encodes entries of an archive into batches, and hands them to the addon, which makes files of them meanwhile. */
import { native, type Tree } from '../native/binding.js';

/** As native/addon/tree-batch.h numbers them. */
const KINDS = { directory: 1, file: 2, symlink: 3, link: 4, character: 5, block: 6, fifo: 7 } as const;
const DATA = 8;
const HOLE = 9;
const GONE = 10;
const OPAQUE = 1;
const IMPLIED = 2;

const HEADER = 52;
const DATA_RECORD = 16;
const HOLE_RECORD = 12;
const BATCH = 1 << 18;
/** Records and data that are worth waking a thread. */
const ENOUGH = 1 << 21;
/** Batches that may wait: one is being written, the next is there when that is done. */
const MOST_WAITING = 2;

export type EntryKind = keyof typeof KINDS;

export interface TreeEntry {
  readonly kind: EntryKind;
  /** Relative to the tree, without "." or ".."; empty: the tree itself. */
  readonly path: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** What a symbolic link says, or the path in the tree that a hard link is another name of. */
  readonly link: Buffer;
  readonly major: number;
  readonly minor: number;
  /** Of a file: as many bytes follow. */
  readonly size: number;
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
}

const NOTHING = Buffer.alloc(0);
const SECOND = 1_000_000_000n;

export class TreeWriter {
  readonly #tree: Tree;
  #batch = Buffer.allocUnsafe(BATCH);
  #used = 0;
  /** What the data of this batch is in, and how much of it. */
  #memories: ArrayBufferLike[] = [];
  #data = 0;
  #after: (() => void)[] = [];
  readonly #waiting: Promise<void>[] = [];
  #failure: Error | undefined;

  constructor(directory: string) {
    this.#tree = native().openTree(directory);
  }

  /** Enough is there to be written: `flush` before adding more. */
  get isFull(): boolean {
    return this.#used + this.#data >= ENOUGH;
  }

  add(entry: TreeEntry): void {
    this.#entry(entry, 0);
  }

  /** Has an overlay show nothing of the lower layers in this directory, which is made if need be. */
  hideBelow(path: Buffer): void {
    this.#entry({ ...PLAIN, kind: 'directory', path }, OPAQUE | IMPLIED);
  }

  /** What makes an overlay show nothing of this name (the kernel's filesystems/overlayfs.rst, "whiteouts"). */
  hide(path: Buffer): void {
    this.#entry({ ...PLAIN, kind: 'character', path }, 0);
  }

  /** Takes away what has this name, with all that is below it; nothing there is fine. */
  remove(path: Buffer): void {
    this.#record(GONE, { ...PLAIN, path }, 0);
  }

  /** Of the file that was added last. The chunk is to stay as it is until it has been written. */
  data(chunk: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = chunk;
    if (this.#memories.at(-1) !== buffer) this.#memories.push(buffer);
    this.#data += byteLength;
    const at = this.#reserve(DATA_RECORD);
    this.#batch.writeUInt32LE(DATA, at);
    this.#batch.writeUInt32LE(this.#memories.length - 1, at + 4);
    this.#batch.writeUInt32LE(byteOffset, at + 8);
    this.#batch.writeUInt32LE(byteLength, at + 12);
  }

  /** Has this called once all that was added so far is written. */
  whenWritten(done: () => void): void {
    this.#after.push(done);
  }

  /** Zeros of the file that was added last, which take no room in it. */
  hole(length: number): void {
    const at = this.#reserve(HOLE_RECORD);
    this.#batch.writeUInt32LE(HOLE, at);
    this.#batch.writeBigUInt64LE(BigInt(length), at + 4);
  }

  /** Hands over what is there; waits while too much of it has not been written. */
  async flush(): Promise<void> {
    this.#submit();
    while (this.#waiting.length >= MOST_WAITING) await this.#waiting[0];
    if (this.#failure) throw this.#failure;
  }

  async finish(): Promise<void> {
    this.#submit();
    await Promise.all(this.#waiting);
    if (this.#failure) throw this.#failure;
    await native().finishTree(this.#tree);
  }

  /** Waits for what is being written, whatever comes of it, and lets go of the tree: only then may it be removed. */
  async settle(): Promise<void> {
    await Promise.all(this.#waiting);
    await native().closeTree(this.#tree);
  }

  #submit(): void {
    if (this.#used === 0) return;
    const batch = this.#batch.subarray(0, this.#used);
    const written = native().addToTree(this.#tree, batch, this.#memories);
    this.#waiting.push(this.#whenDone(written, this.#after));
    this.#used = 0;
    this.#memories = [];
    this.#data = 0;
    this.#after = [];
  }

  async #whenDone(written: Promise<void>, after: readonly (() => void)[]): Promise<void> {
    try {
      await written;
    } catch (error) {
      this.#failure ??= error as Error;
    }
    void this.#waiting.shift();
    for (const done of after) done();
  }

  #entry(entry: TreeEntry, flags: number): void {
    this.#record(KINDS[entry.kind], entry, flags);
  }

  #record(kind: number, entry: Omit<TreeEntry, 'kind'>, flags: number): void {
    const { path, link, xattrs, mtime } = entry;
    const extra = xattrs.reduce((sum, [name, value]) => sum + 8 + Buffer.byteLength(name) + value.length, 0);
    const at = this.#reserve(HEADER + path.length + link.length + extra);
    const batch = this.#batch;
    // Times before the epoch are rare; seconds round down so that nanoseconds stay positive.
    const nanoseconds = ((mtime % SECOND) + SECOND) % SECOND;
    batch.writeUInt8(kind, at);
    batch.writeUInt8(flags, at + 1);
    batch.writeUInt16LE(xattrs.length, at + 2);
    batch.writeUInt32LE(entry.mode, at + 4);
    batch.writeUInt32LE(entry.uid, at + 8);
    batch.writeUInt32LE(entry.gid, at + 12);
    batch.writeBigInt64LE((mtime - nanoseconds) / SECOND, at + 16);
    batch.writeUInt32LE(Number(nanoseconds), at + 24);
    batch.writeUInt32LE(entry.major, at + 28);
    batch.writeUInt32LE(entry.minor, at + 32);
    batch.writeUInt32LE(path.length, at + 36);
    batch.writeUInt32LE(link.length, at + 40);
    batch.writeBigUInt64LE(BigInt(entry.size), at + 44);
    batch.set(path, at + HEADER);
    batch.set(link, at + HEADER + path.length);
    this.#xattrs(xattrs, at + HEADER + path.length + link.length);
  }

  #xattrs(xattrs: TreeEntry['xattrs'], from: number): void {
    let at = from;
    for (const [name, value] of xattrs) {
      const size = Buffer.byteLength(name);
      this.#batch.writeUInt32LE(size, at);
      this.#batch.writeUInt32LE(value.length, at + 4);
      this.#batch.write(name, at + 8);
      this.#batch.set(value, at + 8 + size);
      at += 8 + size + value.length;
    }
  }

  /** Room for a record; a chunk is as long as whoever reads the archive makes it. */
  #reserve(size: number): number {
    const at = this.#used;
    if (at + size > this.#batch.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#batch.length * 2, at + size));
      larger.set(this.#batch.subarray(0, at));
      this.#batch = larger;
    }
    this.#used += size;
    return at;
  }
}

const PLAIN = {
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: 0n,
  link: NOTHING,
  major: 0,
  minor: 0,
  size: 0,
  xattrs: [],
} as const;
