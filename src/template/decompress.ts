/** Archives as they come: what they are compressed with is told by their first bytes, never by their names. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable, type Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CellaError } from '../errors.js';
import { hasTool } from '../host/jobs.js';
import { filter } from '../host/run.js';

export type Compression = 'none' | 'gzip' | 'xz' | 'bzip2' | 'zstd';

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

export function compressionOf(start: Uint8Array): Compression {
  for (const [name, magic] of MAGIC) if (magic.every((byte, i) => start[i] === byte)) return name;
  return 'none';
}

/** Tools, and the Debian packages that they are in. */
const TOOLS = { xz: 'xz-utils', bzip2: 'bzip2', zstd: 'zstd' } as const;

/** Large enough that waking a thread to read it costs little, small enough that all that waits is a few megabytes. */
const CHUNK = 1 << 20;

export interface ReadOptions {
  /** Is shown every piece of the file as it is. */
  readonly onRaw?: (chunk: Uint8Array) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A stream in pieces. */
export interface Pieces extends AsyncIterable<Uint8Array> {
  /** Takes back a piece that nobody needs any more, to be filled again. */
  readonly release?: (piece: Uint8Array) => void;
}

/** The contents of a file, decompressed; fails at its end where something was missing or wrong. */
export function readDecompressed(path: string, options: ReadOptions = {}): Pieces {
  const spare = new Spare();
  const iterator = decompressed(path, options, spare);
  return { [Symbol.asyncIterator]: () => iterator, release: (piece) => spare.give(piece.buffer) };
}

async function* decompressed(path: string, options: ReadOptions, spare: Spare): AsyncGenerator<Uint8Array> {
  await using file = await openRegular(path);
  const start = new Uint8Array(8);
  await file.handle.read(start, 0, start.length, 0);
  const compression = compressionOf(start);
  const raw = readRaw(file.handle, options, compression === 'none' ? spare : undefined);
  try {
    yield* decompressor(compression, raw);
  } catch (error) {
    if (options.signal?.aborted || !isDamage(error)) throw error;
    throw new CellaError('CREATE_FAILED', `'${path}' is damaged: ${error.message}`, { cause: error });
  }
  // A format that ends before the file does: the digest is of the whole file.
  for await (const _ of raw) options.signal?.throwIfAborted();
}

function decompressor(compression: Compression, raw: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return raw;
    case 'gzip':
      // pigz reads, checks and writes on threads of its own.
      if (hasTool('pigz')) return filter(['pigz', '-dc'], raw);
      return through(createGunzip({ chunkSize: CHUNK }), raw);
    case 'xz':
    case 'bzip2':
    case 'zstd':
      if (hasTool(compression)) return filter([compression, '-dc'], raw);
      throw new CellaError(
        'SYSTEM',
        `the archive is compressed with ${compression}, which is not installed`,
        {
          hint: `Install the Debian package ${TOOLS[compression]}.`,
        },
      );
  }
}

/** What pieces become on their way through one of zlib's streams, in this process. */
export async function* through(
  transform: Transform,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(pieces, { objectMode: false });
  input.on('error', (error) => transform.destroy(error));
  input.pipe(transform);
  try {
    yield* transform;
  } finally {
    input.destroy();
    transform.destroy();
  }
}

function isDamage(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    code?.startsWith('Z_') === true || (error instanceof CellaError && error.message.includes(' failed: '))
  );
}

/** Memory that was read into, and is to be again: to touch fresh pages costs as much as to read into them. */
class Spare {
  readonly #lent = new Set<ArrayBufferLike>();
  readonly #spare: ArrayBufferLike[] = [];

  take(): Buffer {
    const memory = this.#spare.pop() ?? new ArrayBuffer(CHUNK);
    this.#lent.add(memory);
    return Buffer.from(memory as ArrayBuffer);
  }

  give(memory: ArrayBufferLike): void {
    if (this.#lent.delete(memory)) this.#spare.push(memory);
  }
}

/** Each piece has memory of its own, since whoever gets it may hold it for a while. The next is on its way meanwhile. */
async function* readRaw(
  handle: FileHandle,
  { onRaw, signal }: ReadOptions,
  spare: Spare | undefined,
): AsyncGenerator<Uint8Array> {
  const read = async (): Promise<Buffer> => {
    const piece = spare?.take() ?? Buffer.allocUnsafeSlow(CHUNK);
    const { bytesRead } = await handle.read(piece, 0, CHUNK, null);
    return piece.subarray(0, bytesRead);
  };
  let next = read();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const piece = await next;
      if (piece.length === 0) return;
      next = read();
      // Its failure is told above, in its turn.
      next.catch(() => undefined);
      onRaw?.(piece);
      yield piece;
    }
  } finally {
    // The file is closed next.
    await next.catch(() => undefined);
  }
}

/** Never a device or a fifo, which would keep us waiting. */
async function openRegular(path: string): Promise<AsyncDisposable & { readonly handle: FileHandle }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const dispose = { handle, [Symbol.asyncDispose]: () => handle.close() };
  if ((await handle.stat()).isFile()) return dispose;
  await handle.close();
  throw new CellaError('BAD_VALUE', `'${path}' is not a file`);
}
