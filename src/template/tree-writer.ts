/** Encodes entries of an archive into batches, and hands them to the addon, which makes files of them meanwhile. */
import { native, type Tree } from '../native/binding.js';

/** As native/addon/tree-batch.h numbers them. */
const KINDS = { directory: 1, file: 2, symlink: 3, link: 4, character: 5, block: 6, fifo: 7 } as const;
const DATA = 8;
const HOLE = 9;
const OPAQUE = 1;
const IMPLIED = 2;

const HEADER = 52;
const DATA_HEADER = 8;
const HOLE_RECORD = 12;
const BATCH = 1 << 20;

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
  #working: Promise<void> = Promise.resolve();
  #flushing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(directory: string) {
    this.#tree = native().openTree(directory);
  }

  /** Enough waits to be written: `flush` before adding more. */
  get isFull(): boolean {
    return this.#used >= BATCH / 2;
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

  /** Of the file that was added last. */
  data(chunk: Uint8Array): void {
    const at = this.#reserve(DATA_HEADER + chunk.byteLength);
    this.#batch.writeUInt32LE(DATA, at);
    this.#batch.writeUInt32LE(chunk.byteLength, at + 4);
    this.#batch.set(chunk, at + DATA_HEADER);
  }

  /** Zeros of the file that was added last, which take no room in it. */
  hole(length: number): void {
    const at = this.#reserve(HOLE_RECORD);
    this.#batch.writeUInt32LE(HOLE, at);
    this.#batch.writeBigUInt64LE(BigInt(length), at + 4);
  }

  /** Hands over what waits, once the batch before is done: two batches are all that is ever held. */
  flush(): Promise<void> {
    // One after the other, whoever asks: batches that overtake each other would mix up files.
    this.#flushing = this.#flushing.then(() => this.#submit());
    return this.#flushing;
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.#working;
    if (this.#failure) throw this.#failure;
    await native().finishTree(this.#tree);
  }

  /** Waits for what is being written, whatever comes of it: only then may the tree be removed. */
  async settle(): Promise<void> {
    await this.#working;
  }

  async #submit(): Promise<void> {
    await this.#working;
    if (this.#failure) throw this.#failure;
    if (this.#used === 0) return;
    const batch = this.#batch.subarray(0, this.#used);
    this.#used = 0;
    this.#working = native()
      .addToTree(this.#tree, batch)
      .catch((error: Error) => {
        this.#failure = error;
      });
  }

  #entry(entry: TreeEntry, flags: number): void {
    const { path, link, xattrs, mtime } = entry;
    const extra = xattrs.reduce((sum, [name, value]) => sum + 8 + Buffer.byteLength(name) + value.length, 0);
    const at = this.#reserve(HEADER + path.length + link.length + extra);
    const batch = this.#batch;
    // Times before the epoch are rare; seconds round down so that nanoseconds stay positive.
    const nanoseconds = ((mtime % SECOND) + SECOND) % SECOND;
    batch.writeUInt8(KINDS[entry.kind], at);
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
