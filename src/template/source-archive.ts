/** Archives that containers of OpenVZ come in: tarballs of a private area, vzdump's, and backups of ours. */
import { CellaError, isErrno } from '../errors.js';
import { readDecompressed } from './decompress.js';
import { guessInit } from './init.js';
import { findInside } from './inside.js';
import { unpack } from './unpack.js';

export interface SourceArchive {
  readonly file: string;
  readonly kind: 'tree' | 'backup';
  /** The directory that stands for the tree; undefined: the archive's top. */
  readonly below: string | undefined;
}

const HEADER = 512;

/** Told by the first entry. */
export async function readSource(file: string, signal?: AbortSignal): Promise<SourceArchive> {
  const header = await firstBytes(file, signal);
  const name = header.toString('latin1', 0, 100).replace(/\0.*$/s, '');
  if (name === 'manifest.json') return { file, kind: 'backup', below: undefined };
  // tar -C /vz/private 101
  const id = /^(?:\.\/)?([1-9]\d{0,9})\/?$/.exec(name)?.[1];
  const isDirectory = header.toString('latin1', 156, 157) === '5';
  return { file, kind: 'tree', below: isDirectory ? id : undefined };
}

async function firstBytes(file: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of readDecompressed(file, { signal })) {
      pieces.push(piece);
      length += piece.byteLength;
      if (length >= HEADER) break;
    }
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw new CellaError('BAD_VALUE', `archive '${file}' does not exist`, { cause });
  }
  return Buffer.concat(pieces).subarray(0, HEADER);
}

/** What vzdump put in beside the tree. */
const EXTRA = /^etc\/vzdump(?:\/|$)/;
const PLOOP = /(?:^|\/)root\.hdd\/DiskDescriptor\.xml$/;

/** Into an empty directory, which whoever called removes when it fails. */
export async function unpackSource(
  { file, below }: SourceArchive,
  root: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const select = (path: string): boolean => {
    if (PLOOP.test(path))
      throw new CellaError('CREATE_FAILED', `'${file}' holds a ploop image, not files`, {
        hint: 'Mount it on a host with ploop, and make a tarball of what is in it.',
      });
    return !EXTRA.test(path);
  };
  await unpack(readDecompressed(file, { signal }), root, {
    select,
    signal,
    ...(below === undefined ? {} : { below }),
  });
  if (findInside([root], '/bin') || guessInit([root])) return;
  throw new CellaError('CREATE_FAILED', `'${file}' holds no root file system at its top`);
}
