/** Unpacks a tar archive, which is a stranger's, into a directory and nowhere else. */
import type { Extract, ExtractEvents } from 'tar-stream';
import { abortable } from '../abort.js';
import { CellaError, isErrno } from '../errors.js';
import { bytesOf, pathInTree } from './entry-name.js';
import { DEFAULT_LIMITS, type UnpackLimits } from './limits.js';
import { SparseBody } from './sparse.js';
import { entryOf } from './tar-entry.js';
import { readTar, type TarHeader } from './tar-reader.js';
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
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (progress: UnpackProgress) => void;
}

/**
 * `source` is the archive, not compressed. What was written so far stays when it fails: the directory is to be one
 * that the caller removes.
 */
export async function unpack(
  source: AsyncIterable<Uint8Array>,
  directory: string,
  options: UnpackOptions = {},
): Promise<UnpackProgress> {
  const unpacking = new Unpacking(directory, options);
  try {
    return await unpacking.run(source);
  } catch (error) {
    throw isErrno(error, 'ENOSPC', 'EDQUOT')
      ? new CellaError('NO_SPACE', `no room to unpack: ${error.message}`, { cause: error })
      : error;
  } finally {
    await unpacking.settle();
  }
}

const BLOCK = 512;

type Source = ExtractEvents['entry'][1];
type Next = ExtractEvents['entry'][2];
type Body = Pick<SparseBody, 'data' | 'end'>;

class Unpacking {
  readonly #limits: UnpackLimits;
  readonly #options: UnpackOptions;
  readonly #writer: TreeWriter;
  readonly #reader: Extract = readTar();
  #entries = 0;
  #bytes = 0;
  #failure: Error | undefined;

  constructor(directory: string, options: UnpackOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#writer = new TreeWriter(directory);
    this.#reader.on('entry', (header, stream, next) => this.#entry(header as TarHeader, stream, next));
    this.#reader.on('error', (error: Error) => {
      this.#failure ??= damaged(error);
    });
  }

  async run(source: AsyncIterable<Uint8Array>): Promise<UnpackProgress> {
    const { signal } = this.#options;
    const closed = new Promise<void>((resolve) => this.#reader.on('close', resolve));
    const tail = new Tail();
    for await (const chunk of source) {
      signal?.throwIfAborted();
      tail.push(chunk);
      if (!this.#reader.write(chunk)) {
        const drained = new Promise<void>((resolve) => this.#reader.once('drain', resolve));
        await abortable(Promise.race([drained, closed]), signal);
      }
      if (this.#failure) throw this.#failure;
    }
    this.#reader.end(null);
    await abortable(closed, signal);
    if (this.#failure) throw this.#failure;
    if (!tail.isZero) throw damaged(new Error('its end is missing'));
    await this.#writer.finish();
    this.#tell();
    return this.#progress();
  }

  async settle(): Promise<void> {
    this.#reader.destroy();
    await this.#writer.settle();
  }

  #entry(header: TarHeader, stream: Source, next: Next): void {
    // The reader says what went wrong, here as elsewhere.
    stream.on('error', () => undefined);
    try {
      this.#take(header);
      const body = this.#bodyOf(header);
      if (!header.size || header.type === 'directory') {
        stream.resume();
        body?.end();
        this.#flushThen(next);
      } else this.#readBody(body, stream, next);
    } catch (error) {
      this.#fail(error, next);
    }
  }

  #readBody(body: Body | undefined, stream: Source, next: Next): void {
    stream.on('data', (chunk) => {
      try {
        body?.data(chunk as Buffer);
      } catch (error) {
        this.#fail(error, next);
        return;
      }
      if (!this.#writer.isFull) return;
      stream.pause();
      this.#flushThen((error) => (error ? next(error) : stream.resume()));
    });
    stream.on('end', () => {
      try {
        body?.end();
        this.#flushThen(next);
      } catch (error) {
        this.#fail(error, next);
      }
    });
  }

  #bodyOf({ type, name, sparse }: TarHeader): Body | undefined {
    if (sparse) return new SparseBody(name, sparse, this.#writer, this.#limits);
    const isFile = type === 'file' || type === 'contiguous-file';
    return isFile ? { data: (chunk) => this.#writer.data(chunk), end: () => undefined } : undefined;
  }

  #take(header: TarHeader): void {
    const limits = this.#limits;
    this.#entries += 1;
    if (this.#entries > limits.entries) throw tooLarge(`${limits.entries} entries`);
    const path = pathInTree(header.name, limits);
    const whiteout = this.#options.whiteouts ? whiteoutOf(path) : undefined;
    if (whiteout?.hides === 'below') this.#writer.hideBelow(bytesOf(whiteout.path));
    else if (whiteout) this.#writer.hide(bytesOf(whiteout.path));
    else {
      const entry = entryOf(header, path, limits);
      this.#bytes += entry.size;
      if (this.#bytes > limits.bytes) throw tooLarge(`${limits.bytes} bytes`);
      this.#writer.add(entry);
    }
  }

  #flushThen(next: Next): void {
    if (!this.#writer.isFull) {
      next();
      return;
    }
    this.#tell();
    this.#writer.flush().then(
      () => next(),
      (error: unknown) => this.#fail(error, next),
    );
  }

  #fail(error: unknown, next: Next): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    next(this.#failure);
  }

  #tell(): void {
    this.#options.progress?.(this.#progress());
  }

  #progress(): UnpackProgress {
    return { entries: this.#entries, bytes: this.#bytes };
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
