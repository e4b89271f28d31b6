/** What a tree has changed by, from one look at it to the next. Pure. */
import { markChanged, parentOf } from '../backup/compare.js';
import { type IndexEntry, type TreeIndex, typeOf } from '../backup/tree-index.js';

/**
 * The tree as it is, with what has to be sent marked as stored: what is new or has changed, and directories in which
 * something has, since that gives them another time of change.
 */
export function changesSince(before: TreeIndex, tree: TreeIndex): TreeIndex {
  // Of what was changed at all while it was read, or may have been, the copy may be anything.
  const surely = new Map(
    [...before].filter(([path, { changed }]) => changed !== '0' && tree.get(path)?.changed === changed),
  );
  const marked = markChanged(tree, surely);
  const stirred = new Set<string>();
  for (const { path, stored } of marked.values()) if (stored && path !== '') stirred.add(parentOf(path));
  for (const path of before.keys()) if (!tree.has(path)) stirred.add(parentOf(path));
  return new Map(
    [...marked].map(([path, entry]) => [path, stirred.has(path) ? { ...entry, stored: true } : entry]),
  );
}

/** A list made elsewhere, to be compared with this tree by what the files are, not by when they changed. */
export function knownBy(elsewhere: TreeIndex, tree: TreeIndex): TreeIndex {
  return new Map(
    [...elsewhere].map(([path, entry]) => [path, { ...entry, changed: tree.get(path)?.changed ?? '0' }]),
  );
}

/** Paths to be taken away before the rest is written, what is in a directory before that. */
export function removalsOf(before: TreeIndex, after: TreeIndex): readonly string[] {
  const isGone = (entry: IndexEntry): boolean => {
    const now = after.get(entry.path);
    return now === undefined || (typeOf(entry) === 'd') !== (typeOf(now) === 'd');
  };
  return [...before.values()]
    .filter(isGone)
    .map(({ path }) => path)
    .reverse();
}

/** How many bytes of files that is, and how many files. */
export function countStored(index: TreeIndex): { readonly files: number; readonly bytes: number } {
  let [files, bytes] = [0, 0];
  for (const { stored, facts } of index.values()) {
    if (!stored) continue;
    files += 1;
    bytes += Number(facts.split(' ')[4]);
  }
  return { files, bytes };
}
