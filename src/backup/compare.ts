/** What to store, and what to write back: comparisons of lists of files. Pure. */
import { createHash } from 'node:crypto';
import { CellaError } from '../errors.js';
import { shownName } from '../template/entry-name.js';
import { type IndexEntry, type TreeIndex, typeOf } from './tree-index.js';

/**
 * The tree as an incremental backup lists it: stored is what is new, or has changed since the base.
 */
export function markChanged(tree: TreeIndex, base: TreeIndex): TreeIndex {
  const [ours, theirs] = [namesOfGroups(tree), namesOfGroups(base)];
  const isChanged = ({ path, facts }: IndexEntry): boolean =>
    base.get(path)?.facts !== facts || ours(path) !== theirs(path);
  const changed = new Set<string>();
  for (const entry of tree.values()) if (isChanged(entry)) changed.add(entry.path);
  // Names of one file stay together: a link in an archive is to what came before it there.
  const groups = groupsOf(tree);
  for (const names of groups.values())
    if (names.some((path) => changed.has(path))) for (const path of names) changed.add(path);
  return new Map([...tree].map(([path, entry]) => [path, { ...entry, stored: changed.has(path) }]));
}

/** Paths by the number of their group. */
function groupsOf(tree: TreeIndex): ReadonlyMap<number, readonly string[]> {
  const groups = new Map<number, string[]>();
  for (const { group, path } of tree.values()) {
    if (group === 0) continue;
    const names = groups.get(group);
    if (names) names.push(path);
    else groups.set(group, [path]);
  }
  return groups;
}

/** Which backup holds each file of the first one: `indexes` are those of a chain, newest first. */
export function findSources(indexes: readonly [TreeIndex, ...TreeIndex[]]): ReadonlyMap<string, number> {
  const [newest] = indexes;
  const sources = new Map<string, number>();
  for (const [path, entry] of newest) {
    let at = 0;
    for (let found: IndexEntry | undefined = entry; !found?.stored; ) {
      at += 1;
      found = indexes[at]?.get(path);
      if (found?.facts !== entry.facts)
        throw new CellaError('CREATE_FAILED', `the backup lacks '/${shownName(path)}'`);
    }
    sources.set(path, at);
  }
  return sources;
}

export interface Restoration {
  /** Paths to be written. */
  readonly write: ReadonlySet<string>;
  /** Paths of the template that are to be hidden. */
  readonly hide: readonly string[];
}

/** Everything, into an empty tree. */
export function planWhole(tree: TreeIndex): Restoration {
  return { write: new Set(tree.keys()), hide: [] };
}

/** Onto an overlay of a template: only what differs from that, and the directories which that is in. */
export function planOnto(tree: TreeIndex, template: TreeIndex): Restoration {
  const write = new Set<string>(['']);
  const [theirs, ours] = [namesOfGroups(template), namesOfGroups(tree)];
  for (const [path, entry] of tree) {
    const same = template.get(path)?.facts === entry.facts && theirs(path) === ours(path);
    if (!same) for (let at = path; !write.has(at); at = parentOf(at)) write.add(at);
  }
  const hide = [...template.keys()].filter((path) => {
    if (tree.has(path)) return false;
    const parent = tree.get(parentOf(path));
    // What is in something hidden, or in what became a file, is hidden already.
    return parent !== undefined && typeOf(parent) === 'd' && isDirectory(template, parentOf(path));
  });
  for (const path of hide) for (let at = parentOf(path); !write.has(at); at = parentOf(at)) write.add(at);
  return { write: wholeGroups(tree, write), hide };
}

function isDirectory(tree: TreeIndex, path: string): boolean {
  const entry = tree.get(path);
  return entry !== undefined && typeOf(entry) === 'd';
}

/** The names of one file are written all together or not at all, and with them the directories that they are in. */
function wholeGroups(tree: TreeIndex, write: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set(write);
  for (const names of groupsOf(tree).values())
    if (names.some((path) => write.has(path)))
      for (const path of names) for (let at = path; !all.has(at); at = parentOf(at)) all.add(at);
  return all;
}

/**
 * For each path all the names of its file, as something to compare: a digest, made once a group, since a file may have
 * 65000 names (of ext4; more of others), and each of them is asked for.
 */
function namesOfGroups(tree: TreeIndex): (path: string) => string {
  const digests = new Map<number, string>();
  for (const [group, names] of groupsOf(tree))
    digests.set(group, createHash('sha256').update(names.join('\0'), 'latin1').digest('hex'));
  return (path) => digests.get(tree.get(path)?.group ?? 0) ?? '';
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
