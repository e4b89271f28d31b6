/**
 * What a template holds, as one number: the same on every host, whatever the order of its directories and the age of
 * its files.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { native } from '../native/binding.js';
import { isKeptXattr } from './tar-entry.js';

export interface Contents {
  /** `sha256:…`, over type, mode, owner, size, data, link, extended attributes and device of every entry. */
  readonly digest: string;
  /** Regular files' bytes, and entries of every kind. */
  readonly size: number;
  readonly files: number;
}

/** `layers` are directories, topmost first. */
export async function digestLayers(layers: readonly string[], signal?: AbortSignal): Promise<Contents> {
  const digest = new Digest(signal);
  for (const layer of layers) await digest.addLayer(Buffer.from(layer));
  return digest.contents();
}

const BUFFER = 1 << 20;
const SLASH = Buffer.from('/');
const OPAQUE = 'trusted.overlay.opaque';

class Digest {
  readonly #hash: Hash = createHash('sha256');
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = Buffer.allocUnsafe(BUFFER);
  #size = 0;
  #files = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  async addLayer(root: Buffer): Promise<void> {
    this.#field('layer');
    await this.#add(root, Buffer.alloc(0));
  }

  contents(): Contents {
    return { digest: `sha256:${this.#hash.digest('hex')}`, size: this.#size, files: this.#files };
  }

  async #add(path: Buffer, name: Buffer): Promise<void> {
    const stats = lstatSync(path);
    this.#files += 1;
    this.#field(name);
    const isSized = stats.isFile();
    const numbers = [stats.mode, stats.uid, stats.gid, isSized ? stats.size : 0, deviceOf(stats)];
    this.#field(numbers.join(' '));
    this.#xattrs(path, stats);
    if (stats.isSymbolicLink()) this.#field(readlinkSync(path, { encoding: 'buffer' }));
    else if (isSized) this.#data(path);
    else if (stats.isDirectory()) await this.#below(path);
  }

  async #below(directory: Buffer): Promise<void> {
    // Others have a turn between two directories.
    await turn();
    this.#signal?.throwIfAborted();
    const names = readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare);
    this.#field(`${names.length}`);
    for (const name of names) await this.#add(Buffer.concat([directory, SLASH, name]), name);
  }

  #xattrs(path: Buffer, stats: Stats): void {
    if (stats.isSymbolicLink()) return;
    const kept = readXattrs(path, (name) => isKeptXattr(name) || name === OPAQUE);
    this.#field(`${kept.length}`);
    for (const [name, value] of kept) {
      this.#field(name);
      this.#field(value);
    }
  }

  #data(path: Buffer): void {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      for (;;) {
        this.#signal?.throwIfAborted();
        const count = readSync(fd, this.#buffer, 0, BUFFER, null);
        if (count === 0) return;
        this.#size += count;
        this.#hash.update(this.#buffer.subarray(0, count));
      }
    } finally {
      closeSync(fd);
    }
  }

  /** With its length, so that no two sequences of fields are the same bytes. */
  #field(value: string | Buffer): void {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    this.#hash.update(length).update(bytes);
  }
}

/** In the order of their names, whatever the file system's. */
export function readXattrs(
  path: Buffer,
  isWanted: (name: string) => boolean,
): readonly (readonly [string, Buffer])[] {
  return native()
    .readXattrs(path)
    .filter(([name]) => isWanted(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** As stat(2) has it, of devices alone. */
function deviceOf(stats: Stats): number {
  return stats.isCharacterDevice() || stats.isBlockDevice() ? stats.rdev : 0;
}
