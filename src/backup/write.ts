/** Writes a backup: its head, then what GNU tar makes of the files, through zstd; the digest comes last. */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { CellaError, isErrno } from '../errors.js';
import { faultPoint } from '../fault.js';
import { drained, filter } from '../host/run.js';
import { syncDirectory } from '../state/atomic-file.js';
import { type Footer, formatFooter } from './footer.js';
import { partialName } from './names.js';
import type { TreeIndex } from './tree-index.js';

export interface Sink {
  write(chunk: Uint8Array): Promise<unknown>;
}

export interface Archive {
  readonly head: Buffer;
  /** The files: of the list, what counts as stored. */
  readonly index: TreeIndex;
  /** The directory that holds them as `root`. */
  readonly place: string;
}

export interface CompressOptions {
  /** zstd's, 1 to 19. */
  readonly level: number;
  /** 0: as many as there are processors. */
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  /** Is told of bytes, not compressed. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface Written extends Footer {
  /** Of the backup. */
  readonly size: number;
}

/** The attributes that a restored container is to have, and no others: trusted.* is how overlayfs keeps its books. */
const ATTRIBUTES = ['user.*', 'security.capability', 'system.posix_acl_*'];

const TAR = [
  'tar',
  '--create',
  '--file=-',
  '--format=posix',
  // The names of headers would hold tar's process id otherwise; other times than the file's are not needed.
  '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
  '--sparse',
  '--numeric-owner',
  '--no-recursion',
  '--xattrs',
  ...ATTRIBUTES.map((name) => `--xattrs-include=${name}`),
] as const;

/** After the directory, which it is about. */
const LIST = ['--null', '--verbatim-files-from', '--files-from=-'] as const;

export async function writeArchive(archive: Archive, sink: Sink, options: CompressOptions): Promise<Written> {
  const { level, threads, signal, onBytes } = options;
  const hash = createHash('sha256');
  let [bytes, size] = [0, 0];
  const count = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of tarOf(archive)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.byteLength;
      onBytes?.(bytes);
      yield chunk;
    }
  };
  const write = async (chunk: Uint8Array): Promise<void> => {
    await sink.write(chunk);
    size += chunk.byteLength;
  };
  for await (const chunk of filter(['zstd', '-cq', `-${level}`, `-T${threads}`, '--check'], count())) {
    signal?.throwIfAborted();
    await write(chunk);
    faultPoint('backup.writing');
  }
  signal?.throwIfAborted();
  const footer = { digest: `sha256:${hash.digest('hex')}`, bytes };
  await write(formatFooter(footer));
  return { ...footer, size };
}

async function* tarOf({ head, index, place }: Archive): AsyncGenerator<Uint8Array> {
  yield head;
  yield* tarFiles(index, place);
}

/** Of files in use some change while they are read, and some are gone by then: tar's 1 says just that. */
const LIVE = ['--ignore-failed-read', '--warning=none'] as const;

/** What counts as stored of the tree that `place` holds as `root`; `live`: its files are in use. */
export async function* tarFiles(index: TreeIndex, place: string, live = false): AsyncGenerator<Uint8Array> {
  const from = [...(live ? LIVE : []), `--directory=${place}`, ...LIST];
  const accept = live ? [0, 1] : [0];
  const entries = [...index.values()].filter(({ stored, path }) => stored && path !== '');
  // Inode numbers, by which tar knows the names of one file, are not unique where an overlay has layers in several
  // subvolumes of btrfs: it is told which files have several.
  const single = entries.filter(({ group }) => group === 0).map(({ path }) => path);
  const several = entries.filter(({ group }) => group !== 0).map(({ path }) => path);
  yield* withoutEnd(filter([...TAR, '--hard-dereference', ...from], listOf([...single, '']), accept));
  yield* filter([...TAR, ...from], listOf(several), accept);
}

const BLOCK = 512;
const ZEROS = Buffer.alloc(64 * 1024);

/** An archive ends with blocks of zeros (tar(5)); as the last entry is a directory, no other zeros are there. */
async function* withoutEnd(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let [bytes, held] = [0, 0];
  for await (const chunk of archive) {
    let end = chunk.byteLength;
    while (end > 0 && chunk[end - 1] === 0) end -= 1;
    if (end > 0) {
      yield* zeros(held);
      yield chunk.subarray(0, end);
      bytes += held + end;
      held = 0;
    }
    held += chunk.byteLength - end;
  }
  yield* zeros((BLOCK - (bytes % BLOCK)) % BLOCK);
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= ZEROS.byteLength) yield ZEROS.subarray(0, left);
}

/** Zero-terminated, in pieces. */
async function* listOf(paths: Iterable<string>): AsyncGenerator<Uint8Array> {
  let names: string[] = [];
  for (const path of paths) {
    names.push(path === '' ? 'root\0' : `root/${path}\0`);
    if (names.length < 1024) continue;
    yield Buffer.from(names.join(''), 'latin1');
    names = [];
  }
  yield Buffer.from(names.join(''), 'latin1');
}

/** Under its name a backup is complete and on the disk; until then it has another, and takes the place of nothing. */
export async function writeFile<T>(file: string, work: (sink: Sink) => Promise<T>): Promise<T> {
  if (existsSync(file)) throw exists(file);
  const partial = partialName(file);
  rmSync(partial, { force: true });
  try {
    const handle = await openNew(partial);
    let result: T;
    try {
      result = await work({ write: (chunk) => writeAll(handle, chunk) });
      await handle.sync();
    } finally {
      await handle.close();
    }
    faultPoint('backup.written');
    if (existsSync(file)) throw exists(file);
    renameSync(partial, file);
    syncDirectory(dirname(file));
    return result;
  } catch (error) {
    rmSync(partial, { force: true });
    if (!isErrno(error, 'ENOSPC', 'EDQUOT')) throw error;
    throw new CellaError('NO_SPACE', `no room for the backup in '${dirname(file)}'`, { cause: error });
  }
}

/** A pipe or the like. Fails once nobody reads any more. */
export function sinkOf(stream: Writable): Sink {
  return {
    write: async (chunk) => {
      if (stream.destroyed || stream.errored)
        throw new CellaError('SYSTEM', 'nobody reads the backup any more');
      if (stream.write(chunk)) return;
      await drained(stream);
    },
  };
}

/** Not for everybody to read: a whole system is in it. */
async function openNew(partial: string): Promise<FileHandle> {
  try {
    return await open(partial, 'wx', 0o600);
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw new CellaError('BAD_VALUE', `directory '${dirname(partial)}' does not exist`, { cause });
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; )
    at += (await handle.write(chunk, at, chunk.byteLength - at)).bytesWritten;
}

function exists(file: string): CellaError {
  return new CellaError('BAD_VALUE', `'${file}' exists already`, { hint: 'Name a file that does not.' });
}
