/** Paths in a tree that is not trusted: a symbolic link means what it would mean to a process with its root there. */
import {
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { isErrno } from '../errors.js';

const MAX_LINKS = 40;
const MAX_TEXT = 1 << 20;

/** Where `path` leads in the tree at `root`; undefined: nowhere. Without symbolic links in it, but for the last one. */
export function resolveBeneath(root: string, path: string, follow = true): string | undefined {
  const left = path.split('/').reverse();
  const done: string[] = [];
  for (let links = 0; left.length > 0; ) {
    const name = left.pop() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const here = `${root}/${[...done, name].join('/')}`;
    const stat = lookAt(here);
    if (!stat) return undefined;
    if (!stat.isSymbolicLink() || (!follow && left.every((rest) => rest === ''))) {
      done.push(name);
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    const target = readlinkSync(here);
    if (target.startsWith('/')) done.length = 0;
    left.push(...target.split('/').reverse());
  }
  return done.length === 0 ? root : `${root}/${done.join('/')}`;
}

/** Whether every part of `path` is a directory itself, and no link to one. */
export function isPlainDirectory(root: string, path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.every((_, i) => lookAt(`${root}/${parts.slice(0, i + 1).join('/')}`)?.isDirectory() ?? false);
}

export function existsBeneath(root: string, path: string): boolean {
  return resolveBeneath(root, path, false) !== undefined;
}

/** Names in a directory of the tree; none where it is something else. */
export function namesBeneath(root: string, path: string): readonly string[] {
  return isPlainDirectory(root, path) ? readdirSync(`${root}/${path}`).sort() : [];
}

/** The text of a regular file of the tree, or its beginning; undefined: there is none. */
export function readBeneath(root: string, path: string): string | undefined {
  const found = resolveBeneath(root, path);
  if (found === undefined) return undefined;
  let fd: number;
  try {
    fd = openSync(found, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    // ENXIO: a socket or a device without a driver.
    if (isErrno(error, 'ELOOP', 'ENXIO', 'ENODEV', 'EACCES')) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    const bytes = Buffer.alloc(Math.min(stat.size, MAX_TEXT));
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}

/** Puts `text` in the place of a regular file, with its owner and mode; anything else is left alone. */
export function rewriteBeneath(root: string, path: string, text: string): boolean {
  const directory = path.split('/').slice(0, -1).join('/');
  const stat = isPlainDirectory(root, directory) ? lookAt(`${root}/${path}`) : undefined;
  if (!stat?.isFile()) return false;
  // A new file: the old one may have other names elsewhere.
  const temporary = `${root}/${directory}/.cella.new`;
  rmSync(temporary, { recursive: true, force: true });
  writeFileSync(temporary, text, { mode: stat.mode & 0o777, flag: 'wx' });
  chownSync(temporary, stat.uid, stat.gid);
  renameSync(temporary, `${root}/${path}`);
  return true;
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}
