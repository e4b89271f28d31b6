/**
 * What a tree holds, as a list: a line for each file, its parents before it. Every backup has a whole one before its
 * files, so that the next one needs no more of it than its beginning.
 *
 *   + 0 1700000000000000000 f 644 0 0 12 1600000000000000000 - - 2cf24dba5fb0a30e26e83b2ac5b9e29e - /etc/hostname
 *
 * Stored here (+) or in an earlier backup (=); group of hard links, 0: none; time of the last change of any kind, 0:
 * unknown; then what tells it from others (type, mode, owner, group, bytes, modified, device, attributes, contents,
 * link); path. Times count nanoseconds; names are bytes, with blanks, control characters and percent signs as %XX.
 */
import { CellaError } from '../errors.js';
import { pathInTree } from '../template/entry-name.js';
import { DEFAULT_LIMITS, type UnpackLimits } from '../template/limits.js';

export interface IndexEntry {
  /** From the tree's top, without a slash before it, as a string of bytes; '' is the top itself. */
  readonly path: string;
  readonly stored: boolean;
  /** Entries of the same number, but 0, are names of one file. */
  readonly group: number;
  readonly changed: string;
  /** All that is to be the same of two files that are the same. */
  readonly facts: string;
}

/** By path, parents first. */
export type TreeIndex = ReadonlyMap<string, IndexEntry>;

export type FileType = 'd' | 'f' | 'l' | 'c' | 'b' | 'p';

/** Facts that a look at a file does not tell: it has to be read. */
export interface Rest {
  /** "major:minor" of a device. */
  readonly device: string;
  /** A digest of the extended attributes. */
  readonly attributes: string;
  /** A digest of what a regular file holds. */
  readonly contents: string;
  readonly link: string;
}

const NONE = '-';

export function formatRest({ device, attributes, contents, link }: Rest): string {
  return [device || NONE, attributes || NONE, contents || NONE, link === '' ? NONE : escapeName(link)].join(
    ' ',
  );
}

export function typeOf({ facts }: IndexEntry): FileType {
  return facts[0] as FileType;
}

/** Bytes of a regular file, 0 of all else. */
export function sizeOf({ facts }: IndexEntry): number {
  return Number(facts.split(' ')[4]);
}

export function totalSize(entries: Iterable<IndexEntry>): number {
  let total = 0;
  for (const entry of entries) total += sizeOf(entry);
  return total;
}

/** In pieces of some size, as bytes. */
export function* formatIndex(index: TreeIndex): Generator<Buffer> {
  let lines: string[] = [];
  for (const entry of index.values()) {
    lines.push(formatEntry(entry));
    if (lines.length < 4096) continue;
    yield Buffer.from(lines.join(''), 'latin1');
    lines = [];
  }
  yield Buffer.from(lines.join(''), 'latin1');
}

function formatEntry({ stored, group, changed, facts, path }: IndexEntry): string {
  return `${stored ? '+' : '='} ${group} ${changed} ${facts} /${escapeName(path)}\n`;
}

/** A size is of 63 bits; so are the seconds of btrfs, nanoseconds come after them. */
const LINE =
  /^([+=]) (\d{1,8}) (-?\d{1,28}) ([dflcbp] [0-7]{1,4} \d{1,10} \d{1,10} \d{1,19} -?\d{1,28} (?:-|\d{1,5}:\d{1,8}) (?:-|[0-9a-f]{32}) (?:-|[0-9a-f]{32}) [^ \n]+) \/([^ \n]*)$/;

/** A path and a link, every byte of them as %XX, and what else there is. */
const LONGEST = 32_768;

/** Of a stranger: every line is looked at, no path may lead out, and nothing may be in what is no directory. */
export function parseIndex(bytes: Buffer, limits: UnpackLimits = DEFAULT_LIMITS): TreeIndex {
  const index = new Map<string, IndexEntry>();
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    const match = end < 0 || end - at > LONGEST ? null : LINE.exec(bytes.toString('latin1', at, end));
    if (!match) throw broken();
    const [, stored, group, changed = '', facts = '', name = ''] = match;
    const path = unescapeName(name);
    if (path !== '' && pathInTree(path, limits) !== path) throw broken();
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const above = index.get(parent);
    if (index.has(path) || (index.size > 0 && (!above || typeOf(above) !== 'd'))) throw broken();
    if (index.size === 0 && (path !== '' || !facts.startsWith('d '))) throw broken();
    if (index.size >= limits.entries) throw broken();
    index.set(path, { path, stored: stored === '+', group: Number(group), changed, facts });
    at = end + 1;
  }
  if (index.size === 0) throw broken();
  return index;
}

function broken(): CellaError {
  return new CellaError('CREATE_FAILED', "the backup's index is damaged");
}

function escapeName(name: string): string {
  return name.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what cannot stand in a line.
    /[\x00-\x20\x7f%]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function unescapeName(text: string): string {
  return text.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
