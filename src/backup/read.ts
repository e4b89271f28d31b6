/** A backup as it comes, from a file or a pipe: its head, then its files, and at the end whether all of it was right. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CellaError, isErrno } from '../errors.js';
import { filter } from '../host/run.js';
import { FOOTER_LENGTH, type Footer, parseFooter } from './footer.js';
import { Bytes, type Head, readHead } from './head.js';

export interface OpenBackup extends AsyncDisposable {
  readonly head: Head;
  /** The archive of the files; fails at its end unless everything was as it was written. */
  files(): AsyncIterable<Uint8Array>;
  /** What the end said; once the files were read. */
  footer(): Footer | undefined;
}

export interface ReadOptions {
  /** For complaints. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  /** Is told of bytes, as they lie in the file. */
  readonly onRead?: (bytes: number) => void;
}

/** `raw`: the file's bytes. */
export async function openBackup(raw: AsyncIterable<Uint8Array>, options: ReadOptions): Promise<OpenBackup> {
  const checked = new Checked(raw, options);
  const bytes = new Bytes(checked.contents());
  try {
    return {
      head: await readHead(bytes),
      files: () => checked.named(bytes.rest()),
      footer: () => checked.footer,
      [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
    };
  } catch (error) {
    await bytes[Symbol.asyncDispose]();
    throw checked.explain(error);
  }
}

/** Never a device or a fifo, which would keep us waiting. */
export async function openRegular(file: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const missing = isErrno(cause, 'ENOENT', 'ENOTDIR');
    const why = missing ? 'does not exist' : `cannot be read: ${cause instanceof Error ? cause.message : ''}`;
    throw new CellaError('BAD_VALUE', `backup '${file}' ${why}`, { cause });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new CellaError('BAD_VALUE', `'${file}' is not a file`);
}

const CHUNK = 1 << 18;

/** The file's bytes; it is closed when whoever reads them is done. */
export async function* readRaw(handle: FileHandle): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      // Each piece has memory of its own: whoever gets it may hold it for a while.
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

class Checked {
  readonly #raw: AsyncIterable<Uint8Array>;
  readonly #options: ReadOptions;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  footer: Footer | undefined;

  constructor(raw: AsyncIterable<Uint8Array>, options: ReadOptions) {
    this.#raw = raw;
    this.#options = options;
  }

  async *contents(): AsyncGenerator<Uint8Array> {
    for await (const chunk of filter(['zstd', '-dcq'], this.#watched())) {
      this.#hash.update(chunk);
      this.#bytes += chunk.byteLength;
      yield chunk;
    }
    this.footer = parseFooter(this.#tail);
    if (!this.footer) throw new CellaError('CREATE_FAILED', 'its end is missing');
    const digest = `sha256:${this.#hash.digest('hex')}`;
    if (this.footer.digest !== digest || this.footer.bytes !== this.#bytes)
      throw new CellaError('CREATE_FAILED', `its digest is ${digest}, not ${this.footer.digest}`);
  }

  async *named(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** Who reads it wants to know which file it was. */
  explain(error: unknown): unknown {
    const { name, signal } = this.#options;
    if (signal?.aborted || !(error instanceof CellaError)) return error;
    if (error.code !== 'CREATE_FAILED' && !error.message.startsWith('zstd failed')) return error;
    const why = error.message.replace(/^zstd failed: (?:\S* *: )?/, '');
    return new CellaError('CREATE_FAILED', `backup '${name}' is damaged or none: ${why}`, { cause: error });
  }

  async *#watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#raw) {
      this.#options.signal?.throwIfAborted();
      this.#options.onRead?.(chunk.byteLength);
      const last = chunk.subarray(-FOOTER_LENGTH);
      this.#tail = Buffer.concat([this.#tail, last]).subarray(-FOOTER_LENGTH);
      yield chunk;
    }
  }
}
