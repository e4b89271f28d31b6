/** Reading small text files again and again: a look at the file tells whether it has changed. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { isErrno } from '../errors.js';

interface Known {
  readonly inode: number;
  readonly size: number;
  readonly modified: number;
  readonly text: string;
}

const known = new Map<string, Known>();

/** Times of files are as coarse as the kernel's tick: what changed just now may change again unseen. */
const SETTLED_MS = 1000;

/** The text of a file; undefined where there is none. */
export function readText(path: string): string | undefined {
  const found = lookAt(path);
  const last = known.get(path);
  if (!found) {
    known.delete(path);
    return undefined;
  }
  const { ino: inode, size, mtimeMs: modified } = found;
  if (last?.inode === inode && last.size === size && last.modified === modified) return last.text;
  const text = readNow(path);
  if (text !== undefined && Date.now() - modified > SETTLED_MS)
    known.set(path, { inode, size, modified, text });
  else known.delete(path);
  return text;
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

function readNow(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** `parse`, done again only for a path whose text is another one. */
export function parsedOnce<T>(parse: (text: string, path: string) => T): (text: string, path: string) => T {
  const last = new Map<string, { readonly text: string; readonly value: T }>();
  return (text, path) => {
    const at = last.get(path);
    if (at?.text === text) return at.value;
    const value = parse(text, path);
    last.set(path, { text, value });
    return value;
  };
}
