/** Lists a tree that nothing changes meanwhile. */
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { isErrno } from '../errors.js';
import { readXattrs } from '../template/digest.js';
import { bytesOf } from '../template/entry-name.js';
import { DEFAULT_LIMITS } from '../template/limits.js';
import { isKeptXattr } from '../template/tar-entry.js';
import {
  type FileType,
  formatFacts,
  formatStatus,
  type IndexEntry,
  type Status,
  type TreeIndex,
} from './tree-index.js';

export interface WalkOptions {
  readonly isExcluded?: (path: string) => boolean;
  /** An earlier list of it: at what has not changed since one look is enough. */
  readonly known?: TreeIndex | undefined;
  /** The files are copies: when they were changed nobody knows. */
  readonly copied?: boolean;
  /** The files are in use: some may go meanwhile, and of what has changed just now nobody knows whether that was all. */
  readonly live?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Walked {
  /** Everything counts as stored. */
  readonly index: TreeIndex;
  /** Files that lie deeper than a path can say, or than would be restored; with all that is below. */
  readonly tooDeep: number;
}

/** PATH_MAX, less what leads to the tree. */
const PATH_LENGTH = 4000;
const AT_A_TIME = 512;
/** Longer than the clock of file systems goes between two of its ticks (CONFIG_HZ=100 has the longest). */
const JUST_NOW_NS = 50_000_000n;

export async function walkTree(root: string, options: WalkOptions = {}): Promise<Walked> {
  const walk = new Walk(root, options);
  await walk.add('', 0);
  return { index: walk.index(), tooDeep: walk.tooDeep };
}

class Walk {
  readonly #root: string;
  readonly #options: WalkOptions;
  readonly #entries = new Map<string, IndexEntry>();
  /** Of files with several names: the number of each, and how many names were found. */
  readonly #groups = new Map<string, { readonly number: number; readonly changed: bigint; names: number }>();
  #seen = 0;
  tooDeep = 0;

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  async add(path: string, depth: number): Promise<void> {
    if (path.length > PATH_LENGTH || depth > DEFAULT_LIMITS.depth) {
      this.tooDeep += 1;
      return;
    }
    this.#seen += 1;
    if (this.#seen % AT_A_TIME === 0) await turn();
    this.#options.signal?.throwIfAborted();
    try {
      await this.#look(path, depth);
    } catch (error) {
      if (!this.#options.live || !isErrno(error, 'ENOENT', 'ENOTDIR', 'ESTALE', 'EINVAL')) throw error;
    }
  }

  async #look(path: string, depth: number): Promise<void> {
    const at = bytesOf(`${this.#root}/${path}`);
    const stats = lstatSync(at, { bigint: true });
    const type = kindOf(stats);
    if (type === undefined) return;
    const changed = this.#isCertain(stats) ? String(stats.ctimeNs) : '0';
    const group = stats.nlink > 1n && type !== 'd' ? this.#groupOf(stats) : 0;
    const facts = await this.#factsOf(path, changed, statusOf(type, stats), stats);
    this.#entries.set(path, { path, stored: true, group, changed, facts });
    if (type !== 'd') return;
    const prefix = path === '' ? '' : `${path}/`;
    for (const name of readdirSync(at, { encoding: 'latin1' }).sort()) {
      if (!this.#options.isExcluded?.(prefix + name)) await this.add(prefix + name, depth + 1);
    }
  }

  #isCertain({ ctimeNs }: BigIntStats): boolean {
    if (this.#options.copied) return false;
    return !this.#options.live || ctimeNs < BigInt(Date.now()) * 1_000_000n - JUST_NOW_NS;
  }

  async #factsOf(path: string, changed: string, status: Status, { rdev }: BigIntStats): Promise<string> {
    const before = changed === '0' ? undefined : this.#options.known?.get(path);
    if (before?.changed === changed && before.facts.startsWith(`${formatStatus(status)} `))
      return before.facts;
    const { type } = status;
    const at = bytesOf(`${this.#root}/${path}`);
    return formatFacts({
      ...status,
      device: type === 'c' || type === 'b' ? deviceOf(rdev) : '',
      attributes: type === 'l' ? '' : attributesOf(at),
      contents: type === 'f' ? await digestFile(at) : '',
      link: type === 'l' ? readlinkSync(at, { encoding: 'latin1' }) : '',
    });
  }

  /** A name whose others were not found is a file like any other. */
  index(): TreeIndex {
    const single = new Set(
      [...this.#groups.values()].filter(({ names }) => names < 2).map((group) => group.number),
    );
    for (const [path, entry] of this.#entries)
      if (single.has(entry.group)) this.#entries.set(path, { ...entry, group: 0 });
    return this.#entries;
  }

  #groupOf({ dev, ino, ctimeNs }: BigIntStats): number {
    const key = `${dev}:${ino}`;
    const known = this.#groups.get(key);
    if (known) {
      // Another file with the same number, as in another subvolume of btrfs: tar could not tell them apart.
      if (known.changed !== ctimeNs) return 0;
      known.names += 1;
      return known.number;
    }
    const number = this.#groups.size + 1;
    this.#groups.set(key, { number, changed: ctimeNs, names: 1 });
    return number;
  }
}

/** undefined: not for a backup. Sockets are made by who listens; overlayfs's marks would hide what is below them. */
function kindOf(stats: BigIntStats): FileType | undefined {
  if (stats.isFile()) return 'f';
  if (stats.isDirectory()) return 'd';
  if (stats.isSymbolicLink()) return 'l';
  if (stats.isFIFO()) return 'p';
  if (stats.isBlockDevice()) return 'b';
  return stats.isCharacterDevice() && stats.rdev !== 0n ? 'c' : undefined;
}

function statusOf(type: FileType, { mode, uid, gid, size, mtimeNs }: BigIntStats): Status {
  return {
    type,
    mode: Number(mode & 0o7777n),
    uid: Number(uid),
    gid: Number(gid),
    size: type === 'f' ? size : 0n,
    modified: mtimeNs,
  };
}

const CHUNK = 1 << 20;
const chunk = Buffer.allocUnsafeSlow(CHUNK);

async function digestFile(at: Buffer): Promise<string> {
  const hash = createHash('sha256');
  const file = openSync(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (;;) {
      const bytes = readSync(file, chunk, 0, CHUNK, null);
      hash.update(chunk.subarray(0, bytes));
      if (bytes < CHUNK) return hash.digest('hex').slice(0, 32);
      await turn();
    }
  } finally {
    closeSync(file);
  }
}

/** As glibc's makedev(3) puts them together. */
function deviceOf(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function attributesOf(at: Buffer): string {
  const kept = readXattrs(at, isKeptXattr);
  if (kept.length === 0) return '';
  const hash = createHash('sha256');
  for (const [name, value] of kept) hash.update(`${name}\0${value.length}\0`).update(value);
  return hash.digest('hex').slice(0, 32);
}
