/** Small trees of files, as lists that backups hold. */
import fc from 'fast-check';
import {
  type FileType,
  formatRest,
  type IndexEntry,
  type Rest,
  type TreeIndex,
} from '../../../src/backup/tree-index.js';

export interface Facts extends Rest {
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: bigint;
  readonly modified: bigint;
}

export function formatFacts(facts: Facts): string {
  const { type, mode, uid, gid, size, modified } = facts;
  return `${type} ${mode.toString(8)} ${uid} ${gid} ${size} ${modified} ${formatRest(facts)}`;
}

interface Seed {
  readonly path: string;
  readonly type: FileType;
  readonly value: number;
  /** Files of the same number are names of one file. */
  readonly group: number;
}

const seed: fc.Arbitrary<Seed> = fc.record({
  path: fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map((names) => names.join('/')),
  type: fc.constantFrom<FileType>('d', 'd', 'f', 'f', 'f', 'l'),
  value: fc.nat({ max: 2 }),
  group: fc.nat({ max: 3 }),
});

/** Trees that have much in common with each other. */
export const trees: fc.Arbitrary<TreeIndex> = fc.array(seed, { maxLength: 24 }).map(treeOf);

export function treeOf(seeds: readonly Partial<Seed>[]): TreeIndex {
  const all = new Map([['', entryOf({ path: '', type: 'd' })]]);
  for (const one of [...seeds].sort((a, b) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1))) {
    const { path = '' } = one;
    if (all.get(path.slice(0, Math.max(0, path.lastIndexOf('/'))))?.facts.startsWith('d'))
      all.set(path, entryOf(one));
  }
  return numbered(all);
}

/** What is the same of a file has the same facts by all its names. */
function entryOf({ path = '', type = 'f', value = 0, group = 0 }: Partial<Seed>): IndexEntry {
  const of = type === 'f' ? group : 0;
  const facts = formatFacts({
    ...{ type, mode: 0o644, uid: 0, gid: 0, size: 0n, modified: BigInt(of ? 0 : value) },
    ...{ device: '', attributes: '', contents: String(of).repeat(32), link: type === 'l' ? 'to' : '' },
  });
  return { path, stored: true, group: of, changed: '0', facts };
}

/** As walkTree numbers them: from one, as they come, and only those that have several names. */
function numbered(all: ReadonlyMap<string, IndexEntry>): TreeIndex {
  const names = new Map<number, number>();
  for (const { group } of all.values()) names.set(group, (names.get(group) ?? 0) + 1);
  const numbers = new Map<number, number>([[0, 0]]);
  for (const [group, count] of names) if (group && count > 1) numbers.set(group, numbers.size);
  return new Map([...all].map(([path, entry]) => [path, { ...entry, group: numbers.get(entry.group) ?? 0 }]));
}

/** The other names of each file. */
export function namesIn(tree: TreeIndex): Record<string, readonly string[]> {
  const entries = [...tree.values()];
  const others = ({ path, group }: IndexEntry): readonly string[] =>
    group === 0 ? [path] : entries.filter((other) => other.group === group).map((other) => other.path);
  return Object.fromEntries(entries.map((entry) => [entry.path, [...others(entry)].sort()]));
}
