/** Lists a tree that nothing changes meanwhile. */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readlinkSync, readSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { isErrno } from '../errors.js';
import { type Listing, native } from '../native/binding.js';
import { readXattrs } from '../template/digest.js';
import { bytesOf } from '../template/entry-name.js';
import { DEFAULT_LIMITS } from '../template/limits.js';
import { isKeptXattr } from '../template/tar-entry.js';
import { formatRest, type IndexEntry, type TreeIndex } from './tree-index.js';

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
/** Longer than the clock of file systems goes between two of its ticks (CONFIG_HZ=100 has the longest). */
const JUST_NOW_NS = 50_000_000n;

export async function walkTree(root: string, options: WalkOptions = {}): Promise<Walked> {
  const walk = new Walk(root, options);
  const listing = native().openListing(root, options.live ?? false, PATH_LENGTH, DEFAULT_LIMITS.depth);
  for await (const { lines, now } of batches(listing)) {
    options.signal?.throwIfAborted();
    const parts = lines.toString('latin1').split('\0');
    for (let at = 0; at + 1 < parts.length; at += 2) {
      const reading = walk.add(parts[at + 1] as string, parts[at] as string, now);
      // Most is known: a turn for each would cost more than the look at it.
      if (reading !== undefined) await reading;
    }
  }
  return { index: walk.index(), tooDeep: walk.tooDeep };
}

interface Batch {
  readonly lines: Buffer;
  /** What changes after that, ns, gets a later time, or is seen. */
  readonly now: bigint;
}

/** The next one is listed while one is looked at. */
async function* batches(listing: Listing): AsyncGenerator<Batch> {
  const ask = () => ({ now: BigInt(Date.now()) * 1_000_000n, lines: native().nextEntries(listing) });
  for (let asked = ask(); ; ) {
    const [now, lines] = [asked.now, await asked.lines];
    if (lines.length === 0) return;
    asked = ask();
    asked.lines.catch(() => undefined);
    yield { lines, now };
  }
}

class Walk {
  readonly #root: string;
  readonly #options: WalkOptions;
  readonly #entries = new Map<string, IndexEntry>();
  /** Of files with several names: the number of each, and how many names were found. */
  readonly #groups = new Map<string, { readonly number: number; readonly changed: string; names: number }>();
  /** What is excluded now, with a slash: all below it follows. */
  #excluded: string | undefined;
  tooDeep = 0;

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** A line of native/addon/listing.h. Returns at once where there is nothing to be read. */
  add(path: string, line: string, now: bigint): Promise<void> | undefined {
    if (this.#isExcluded(path)) return undefined;
    if (line === '-') {
      this.tooDeep += 1;
      return undefined;
    }
    const [time, file, device, status] = cut(line);
    const { known, copied, live } = this.#options;
    const isCertain = !copied && (!live || BigInt(time) < now - JUST_NOW_NS);
    const changed = isCertain ? time : '0';
    const group = file === '-' ? 0 : this.#groupOf(file, time);
    const before = isCertain ? known?.get(path) : undefined;
    if (before?.changed === changed && before.facts.startsWith(`${status} `)) {
      this.#entries.set(path, { path, stored: true, group, changed, facts: before.facts });
      return undefined;
    }
    return this.#read(path, status, device).then(
      (facts) => void this.#entries.set(path, { path, stored: true, group, changed, facts }),
      (error: unknown) => {
        if (!live || !isErrno(error, 'ENOENT', 'ENOTDIR', 'ESTALE', 'EINVAL')) throw error;
      },
    );
  }

  #isExcluded(path: string): boolean {
    if (this.#excluded !== undefined && path.startsWith(this.#excluded)) return true;
    this.#excluded = path !== '' && this.#options.isExcluded?.(path) ? `${path}/` : undefined;
    return this.#excluded !== undefined;
  }

  async #read(path: string, status: string, device: string): Promise<string> {
    const at = bytesOf(`${this.#root}/${path}`);
    const type = status[0];
    return `${status} ${formatRest({
      device: device === '-' ? '' : device,
      attributes: type === 'l' ? '' : attributesOf(at),
      contents: type === 'f' ? await digestFile(at) : '',
      link: type === 'l' ? readlinkSync(at, { encoding: 'latin1' }) : '',
    })}`;
  }

  /** A name whose others were not found is a file like any other. */
  index(): TreeIndex {
    const single = new Set(
      [...this.#groups.values()].filter(({ names }) => names < 2).map((group) => group.number),
    );
    if (single.size === 0) return this.#entries;
    for (const [path, entry] of this.#entries)
      if (single.has(entry.group)) this.#entries.set(path, { ...entry, group: 0 });
    return this.#entries;
  }

  #groupOf(file: string, changed: string): number {
    const known = this.#groups.get(file);
    if (known) {
      // Another file with the same number, as in another subvolume of btrfs: tar could not tell them apart.
      if (known.changed !== changed) return 0;
      known.names += 1;
      return known.number;
    }
    const number = this.#groups.size + 1;
    this.#groups.set(file, { number, changed, names: 1 });
    return number;
  }
}

/** Its first three fields, and all that follows. */
function cut(line: string): readonly [time: string, file: string, device: string, status: string] {
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  const third = line.indexOf(' ', second + 1);
  return [
    line.slice(0, first),
    line.slice(first + 1, second),
    line.slice(second + 1, third),
    line.slice(third + 1),
  ];
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

function attributesOf(at: Buffer): string {
  const kept = readXattrs(at, isKeptXattr);
  if (kept.length === 0) return '';
  const hash = createHash('sha256');
  for (const [name, value] of kept) hash.update(`${name}\0${value.length}\0`).update(value);
  return hash.digest('hex').slice(0, 32);
}
