/** From a header of an archive to an entry of the tree, checked. */
import { CellaError } from '../errors.js';
import { bytesOf, pathInTree, shownName } from './entry-name.js';
import type { UnpackLimits } from './limits.js';
import { wrongMap } from './sparse.js';
import type { PaxRecords, TarHeader } from './tar-reader.js';
import type { EntryKind, TreeEntry } from './tree-writer.js';

const KINDS: Readonly<Record<string, EntryKind>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'link',
  'character-device': 'character',
  'block-device': 'block',
  fifo: 'fifo',
};

const XATTR = 'SCHILY.xattr.';
const NO_BYTES = Buffer.alloc(0);
const NO_XATTRS: TreeEntry['xattrs'] = [];
/** What a kernel's 32 bits of user ids leave: the last one stands for none. */
const LAST_ID = 4_294_967_294;

/** `path` as `pathInTree` makes it of the header's name. */
export function entryOf(header: TarHeader, path: string, limits: UnpackLimits): TreeEntry {
  const { name } = header;
  const refuse = (why: string): never => {
    throw new CellaError('CREATE_FAILED', `the archive's entry '${shownName(name)}' ${why}`);
  };
  const { pax, sparse } = header;
  if (sparse === undefined) throw wrongMap(name);
  const kind = KINDS[header.type ?? ''] ?? refuse('is of a kind that is not supported');
  if (path === '' && kind !== 'directory') refuse('has no name');
  const isDevice = kind === 'character' || kind === 'block';
  return {
    kind,
    path: bytesOf(path),
    mode: header.mode & 0o7777,
    uid: idOf(pax?.uid, header.uid) ?? refuse('has no valid user id'),
    gid: idOf(pax?.gid, header.gid) ?? refuse('has no valid group id'),
    mtime: timeOf(pax?.mtime, header.mtime) ?? refuse('has no valid time'),
    link: linkOf(kind, header, limits) ?? refuse('links to nothing'),
    major: isDevice ? (numberUpTo(header.devmajor, 4095) ?? refuse('has no valid device number')) : 0,
    minor: isDevice ? (numberUpTo(header.devminor, 1_048_575) ?? refuse('has no valid device number')) : 0,
    size: kind === 'file' ? (sparse?.size ?? header.size) : 0,
    xattrs: pax ? (xattrsOf(pax, limits) ?? refuse('has too many extended attributes')) : NO_XATTRS,
  };
}

function linkOf(kind: EntryKind, { linkname }: TarHeader, limits: UnpackLimits): Buffer | undefined {
  if (kind === 'link') {
    const target = pathInTree(linkname ?? '', limits);
    return target === '' ? undefined : bytesOf(target);
  }
  if (kind !== 'symlink') return NO_BYTES;
  // Whatever it says is said to the container: on this side nobody follows it.
  const isUsable = linkname && linkname.length <= limits.pathLength && !linkname.includes('\0');
  return isUsable ? bytesOf(linkname) : undefined;
}

function idOf(pax: string | undefined, plain: number): number | undefined {
  if (pax === undefined) return numberUpTo(plain, LAST_ID);
  return /^\d{1,10}$/.test(pax) ? numberUpTo(Number(pax), LAST_ID) : undefined;
}

function numberUpTo(value: number, last: number): number | undefined {
  return Number.isInteger(value) && value >= 0 && value <= last ? value : undefined;
}

/** Seconds with any number of digits after the point, in nanoseconds. */
function timeOf(pax: string | undefined, plain: Date): bigint | undefined {
  if (pax === undefined) {
    const time = plain.getTime();
    return Number.isFinite(time) ? BigInt(Math.trunc(time)) * 1_000_000n : undefined;
  }
  const match = /^(-?)(\d{1,11})(?:\.(\d*))?$/.exec(pax);
  if (!match) return undefined;
  const [, minus, seconds = '', fraction = ''] = match;
  const time = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return minus ? -time : time;
}

/**
 * What a system needs of them. The rest is left out: trusted.* is how overlayfs keeps its books, other names of
 * security.* are labels of the host that made the archive.
 */
function xattrsOf(pax: PaxRecords, limits: UnpackLimits): TreeEntry['xattrs'] | undefined {
  const found: (readonly [string, Buffer])[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(pax)) {
    if (!key.startsWith(XATTR)) continue;
    const name = key.slice(XATTR.length);
    size += name.length + value.length;
    if (size > limits.xattrs) return undefined;
    if (isKeptXattr(name)) found.push([name, bytesOf(value)]);
  }
  return found.length > 0 ? found : NO_XATTRS;
}

export function isKeptXattr(name: string): boolean {
  if (['security.capability', 'system.posix_acl_access', 'system.posix_acl_default'].includes(name))
    return true;
  return /^user\.[\x21-\x7e]{1,250}$/.test(name);
}
