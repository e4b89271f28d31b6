/** Unpacks a tar archive, which is a stranger's, into a directory and nowhere else. */
import type { Extract } from 'tar-stream';
import { abortable } from '../abort.js';
import { CellaError, isErrno } from '../errors.js';
import type { Pieces } from './decompress.js';
import { bytesOf, pathInTree, shownName } from './entry-name.js';
import { DEFAULT_LIMITS, type UnpackLimits } from './limits.js';
import { SparseBody } from './sparse.js';
import { entryOf } from './tar-entry.js';
import { readTar, type TarHeader, type TarSink, untaken } from './tar-reader.js';
import { TreeWriter } from './tree-writer.js';
import { whiteoutOf } from './whiteout.js';

export interface UnpackProgress {
  readonly entries: number;
  /** Of files, unpacked. */
  readonly bytes: number;
}

export interface UnpackOptions {
  readonly limits?: Partial<UnpackLimits>;
  /** Whether names that begin with `.wh.` hide what lower layers have (OCI image-spec, layer.md). */
  readonly whiteouts?: boolean;
  /** A directory of the archive that stands for the tree: what lies elsewhere is refused. */
  readonly below?: string;
  /** Whether an entry is wanted, by its path in the tree. */
  readonly select?: (path: string) => boolean;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (progress: UnpackProgress) => void;
}

/**
 * `source` is the archive, not compressed; its pieces are not to change until they are released, or until all is done.
 * What was written so far stays when it fails: the directory is to be one
 * that the caller removes.
 */
export async function unpack(
  source: Pieces,
  directory: string,
  options: UnpackOptions = {},
): Promise<UnpackProgress> {
  const writer = new TreeWriter(directory);
  try {
    const unpacked = await unpackInto(writer, source, options);
    await finishTree(writer);
    return unpacked;
  } finally {
    await writer.settle();
  }
}

/** Several archives may make one tree: `finishTree` comes after the last one, `writer.settle` in any case. */
export async function unpackInto(
  writer: TreeWriter,
  source: Pieces,
  options: UnpackOptions = {},
): Promise<UnpackProgress> {
  const unpacking = new Unpacking(writer, options);
  try {
    return await unpacking.run(source);
  } catch (error) {
    throw explained(error);
  } finally {
    unpacking.close();
  }
}

export async function finishTree(writer: TreeWriter): Promise<void> {
  try {
    await writer.finish();
  } catch (error) {
    throw explained(error);
  }
}

function explained(error: unknown): unknown {
  return isErrno(error, 'ENOSPC', 'EDQUOT')
    ? new CellaError('NO_SPACE', `no room to unpack: ${error.message}`, { cause: error })
    : error;
}

const BLOCK = 512;

class Unpacking {
  readonly #limits: UnpackLimits;
  readonly #options: UnpackOptions;
  readonly #writer: TreeWriter;
  readonly #reader: Extract = readTar((header) => this.#take(header));
  readonly #plain: TarSink = { data: (chunk) => this.#writer.data(chunk), end: () => undefined };
  #entries = 0;
  #bytes = 0;
  #failure: Error | undefined;

  constructor(writer: TreeWriter, options: UnpackOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#writer = writer;
    this.#reader.on('error', (error: Error) => {
      this.#failure ??= error instanceof CellaError ? error : damaged(error);
    });
  }

  async run(source: Pieces): Promise<UnpackProgress> {
    const { signal } = this.#options;
    const closed = new Promise<void>((resolve) => this.#reader.on('close', resolve));
    const tail = new Tail();
    const held = new Held(source.release);
    for await (const chunk of source) {
      signal?.throwIfAborted();
      tail.push(chunk);
      if (!this.#reader.write(chunk)) {
        const drained = new Promise<void>((resolve) => this.#reader.once('drain', resolve));
        await abortable(Promise.race([drained, closed]), signal);
      }
      if (this.#failure) throw this.#failure;
      held.add(chunk);
      held.letGo(untaken(this.#reader), this.#writer);
      if (this.#writer.isFull) {
        this.#tell();
        await abortable(this.#writer.flush(), signal);
      }
    }
    this.#reader.end(null);
    await abortable(closed, signal);
    if (this.#failure) throw this.#failure;
    if (!tail.isZero) throw damaged(new Error('its end is missing'));
    await abortable(this.#writer.flush(), signal);
    this.#tell();
    return this.#progress();
  }

  close(): void {
    this.#reader.destroy();
  }

  #bodyOf({ type, name, sparse }: TarHeader): TarSink | undefined {
    if (sparse) return new SparseBody(name, sparse, this.#writer, this.#limits);
    return type === 'file' || type === 'contiguous-file' ? this.#plain : undefined;
  }

  #take(header: TarHeader): TarSink | undefined {
    const limits = this.#limits;
    this.#entries += 1;
    if (this.#entries > limits.entries) throw tooLarge(`${limits.entries} entries`);
    const path = this.#pathOf(header.name);
    if (this.#options.select?.(path) === false) return undefined;
    const whiteout = this.#options.whiteouts ? whiteoutOf(path) : undefined;
    if (whiteout?.hides === 'below') this.#writer.hideBelow(bytesOf(whiteout.path));
    else if (whiteout) this.#writer.hide(bytesOf(whiteout.path));
    else {
      const entry = entryOf(this.#linkedBelow(header), path, limits);
      this.#bytes += entry.size;
      if (this.#bytes > limits.bytes) throw tooLarge(`${limits.bytes} bytes`);
      this.#writer.add(entry);
    }
    return this.#bodyOf(header);
  }

  /** What a hard link is another name of is a name of the archive. */
  #linkedBelow(header: TarHeader): TarHeader {
    if (this.#options.below === undefined || header.type !== 'link') return header;
    return { ...header, linkname: this.#pathOf(header.linkname ?? '') };
  }

  #pathOf(name: string): string {
    const path = pathInTree(name, this.#limits);
    const { below } = this.#options;
    if (below === undefined) return path;
    if (path === below) return '';
    if (path.startsWith(`${below}/`)) return path.slice(below.length + 1);
    throw new CellaError('CREATE_FAILED', `the archive's entry '${shownName(name)}' is not in '${below}'`);
  }

  #tell(): void {
    this.#options.progress?.(this.#progress());
  }

  #progress(): UnpackProgress {
    return { entries: this.#entries, bytes: this.#bytes };
  }
}

/** Pieces of the archive that are still looked at. */
class Held {
  readonly #release: Pieces['release'];
  #pieces: Uint8Array[] = [];

  constructor(release: Pieces['release']) {
    this.#release = release;
  }

  add(piece: Uint8Array): void {
    if (this.#release) this.#pieces.push(piece);
  }

  /** All but those with the last bytes, once what the others hold is written. */
  letGo(bytes: number, writer: TreeWriter): void {
    let keep = this.#pieces.length;
    for (let left = bytes; left > 0 && keep > 0; keep -= 1)
      left -= this.#pieces[keep - 1]?.byteLength ?? left;
    const done = this.#pieces.slice(0, keep);
    this.#pieces = this.#pieces.slice(keep);
    if (done.length > 0)
      writer.whenWritten(() => {
        for (const piece of done) this.#release?.(piece);
      });
  }
}

/** The last block of an archive is zero; one that was cut between two entries ends with something else. */
class Tail {
  #last: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    if (chunk.byteLength >= BLOCK) this.#last = Uint8Array.from(chunk.subarray(-BLOCK));
    else this.#last = Uint8Array.from(Buffer.concat([this.#last, chunk]).subarray(-BLOCK));
  }

  get isZero(): boolean {
    return this.#last.byteLength === BLOCK && this.#last.every((byte) => byte === 0);
  }
}

function damaged(cause: Error): CellaError {
  return new CellaError('CREATE_FAILED', `the archive is damaged or none: ${cause.message}`, { cause });
}

function tooLarge(limit: string): CellaError {
  return new CellaError('CREATE_FAILED', `the archive is larger than the limit of ${limit}`);
}
