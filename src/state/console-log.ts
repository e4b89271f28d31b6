/** What a container's console showed last: two files of bounded size, the older one with ".1" behind its name. */
import { constants, rmSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from '../errors.js';

/** Of each of the two. */
const FILE_BYTES = 128 * 1024;

const older = (path: string): string => `${path}.1`;

export async function appendConsoleLog(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await openForAppend(path);
  await file.write(bytes.subarray(-FILE_BYTES));
  if ((await file.stat()).size >= FILE_BYTES) await rename(path, older(path));
}

async function openForAppend(path: string): Promise<FileHandle & AsyncDisposable> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return await open(path, flags, 0o600);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return open(path, flags, 0o600);
  }
}

/** The newest bytes, at most so many; none where there is no log. */
export async function readConsoleLog(path: string, limit = 2 * FILE_BYTES): Promise<Buffer> {
  return (await readNewest(path, limit)).bytes;
}

interface Part {
  readonly bytes: Buffer;
  /** Of the file that it is the end of. */
  readonly size: number;
}

async function readNewest(path: string, limit: number): Promise<Part> {
  const { bytes, size } = await readPart(path, (length) => length - limit);
  const before = await readPart(older(path), (length) => length - (limit - bytes.length));
  return { bytes: Buffer.concat([before.bytes, bytes]), size };
}

/** Of a file that may be missing, from where `from` says on. */
async function readPart(path: string, from: (size: number) => number): Promise<Part> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const { size } = await file.stat();
    const start = Math.min(size, Math.max(0, from(size)));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return { bytes: buffer.subarray(0, bytesRead), size };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return { bytes: Buffer.alloc(0), size: 0 };
    throw error;
  }
}

const LOOK_MS = 200;

/** All of it, then what comes, until the signal aborts. */
export async function* followConsoleLog(
  path: string,
  { follow = false, signal }: { readonly follow?: boolean; readonly signal?: AbortSignal },
): AsyncGenerator<Buffer> {
  const first = await readNewest(path, 2 * FILE_BYTES);
  yield first.bytes;
  for (let { size } = first; follow && !signal?.aborted; await sleep(LOOK_MS)) {
    const seen = size;
    const next = await readPart(path, () => seen);
    // Another file has been begun; what the old one got last is at its end.
    const isNew = next.size < seen;
    if (isNew) yield (await readPart(older(path), () => seen)).bytes;
    const { bytes } = isNew ? await readPart(path, () => 0) : next;
    if (bytes.length > 0) yield bytes;
    size = isNew ? bytes.length : next.size;
  }
}

export function removeConsoleLog(path: string): void {
  for (const file of [path, older(path)]) rmSync(file, { force: true });
}
