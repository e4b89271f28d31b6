/** What a tree has changed by, from one look at it to the next. Pure. */
import { markChanged, parentOf } from '../backup/compare.js';
import { type IndexEntry, type TreeIndex, typeOf } from '../backup/tree-index.js';

/**
 * What has to be sent, as a part of the tree: what is new or has changed, and directories in which something has, since that
 * gives them another time of change. Looks at each file once: its container may stand still meanwhile.
 */
export function changesSince(before: TreeIndex, tree: TreeIndex): TreeIndex {
  const sent = changedNames(before, tree);
  for (const entry of tree.values()) if (!isSame(before.get(entry.path), entry)) sent.add(entry.path);
  for (const path of [...sent]) if (path !== '') sent.add(parentOf(path));
  for (const path of before.keys()) if (!tree.has(path)) sent.add(parentOf(path));
  return sent.size === 0 ? new Map() : new Map([...tree].filter(([path]) => sent.has(path)));
}

/** Of what was changed at all while it was read, or may have been, the copy may be anything. */
function isSame(before: IndexEntry | undefined, now: IndexEntry | undefined): boolean {
  return (
    before !== undefined &&
    now !== undefined &&
    before.changed !== '0' &&
    before.changed === now.changed &&
    before.facts === now.facts &&
    (before.group === 0) === (now.group === 0)
  );
}

/** All names of files with several, of which one is not what it was, or new, or gone. */
function changedNames(before: TreeIndex, tree: TreeIndex): Set<string> {
  const several = (index: TreeIndex): TreeIndex => new Map([...index].filter(([, { group }]) => group !== 0));
  const now = several(tree);
  if (now.size === 0) return new Set();
  const same = new Map([...several(before)].filter(([path, entry]) => isSame(entry, now.get(path))));
  const marked = markChanged(now, same);
  return new Set([...marked.values()].filter(({ stored }) => stored).map(({ path }) => path));
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
