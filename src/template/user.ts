/** Who an image's command runs as: a user and groups by the names that the image's own files give them. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { CellaError, isErrno } from '../errors.js';
import { findInside } from './inside.js';

export interface TemplateUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly name: string;
  readonly home: string;
}

const MAX_TEXT = 1 << 20;
const MAX_GROUPS = 1024;

/** `text`: "user", "uid", "user:group" or "uid:gid"; of a number nothing has to be known. */
export function resolveUser(layers: readonly string[], text: string): TemplateUser {
  const [who = '', group] = text.split(':', 2);
  const groups = readTable(layers, '/etc/group');
  const number = numberOf(who);
  const entry = readTable(layers, '/etc/passwd').find(
    ([name, , uid]) => name === who || (number !== undefined && numberOf(uid) === number),
  );
  const uid = numberOf(entry?.[2]) ?? number;
  if (uid === undefined) throw unknown('user', who);
  const name = entry?.[0] ?? String(uid);
  const home = entry?.[5]?.startsWith('/') ? entry[5] : '/';
  if (group !== undefined) return { uid, gid: groupOf(groups, group), groups: [], name, home };
  return { uid, gid: numberOf(entry?.[3]) ?? 0, groups: memberships(groups, name), name, home };
}

type Table = readonly (readonly string[])[];

function groupOf(groups: Table, who: string): number {
  const found = numberOf(groups.find(([name]) => name === who)?.[2]) ?? numberOf(who);
  if (found === undefined) throw unknown('group', who);
  return found;
}

function memberships(groups: Table, user: string): readonly number[] {
  return groups
    .filter((fields) => fields[3]?.split(',').includes(user))
    .flatMap((fields) => numberOf(fields[2]) ?? [])
    .slice(0, MAX_GROUPS);
}

function unknown(what: string, name: string): CellaError {
  return new CellaError('BAD_VALUE', `the template has no ${what} '${name.slice(0, 64)}'`);
}

/** An id that can be had; the last one means "none" to the kernel. */
function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 0xffffffff
    ? Number(text)
    : undefined;
}

/** passwd(5), group(5); whatever else lies at the path has no lines. */
function readTable(layers: readonly string[], path: string): Table {
  const found = findInside(layers, path);
  if (!found?.stats.isFile()) return [];
  return readBeginning(found.hostPath)
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length > 2);
}

function readBeginning(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ELOOP', 'ENXIO')) return '';
    throw error;
  }
  try {
    const bytes = Buffer.alloc(MAX_TEXT);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)).replaceAll('\0', '');
  } finally {
    closeSync(fd);
  }
}
