/** What is stored and what is written, against a model: whatever changes, a restored tree is the one that was there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSources, markChanged, planOnto, planWhole } from '../../../src/backup/compare.js';
import { type IndexEntry, type TreeIndex, typeOf } from '../../../src/backup/tree-index.js';
import { namesIn, treeOf, trees } from './model.js';

/** The lists of a full backup of the first tree and incremental ones of the others: newest first. */
function backUp(all: readonly TreeIndex[]): [TreeIndex, ...TreeIndex[]] {
  const [first = treeOf([]), ...later] = all;
  const chain: [TreeIndex, ...TreeIndex[]] = [first];
  for (const tree of later) chain.unshift(markChanged(tree, chain[0]));
  return chain;
}

const histories = fc.array(trees, { minLength: 1, maxLength: 5 });

describe('markChanged and findSources', () => {
  it('find each file in an archive that holds it as it is now', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const chain = backUp(history);
        const sources = findSources(chain);
        expect([...sources.keys()]).toEqual([...(history.at(-1) ?? new Map()).keys()]);
        for (const [path, at] of sources)
          expect(chain[at]?.get(path)).toMatchObject({ stored: true, facts: chain[0].get(path)?.facts });
      }),
    );
  });

  it('find all names of a file in one archive, where they are names of that file and of no other', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const chain = backUp(history);
        const names = chain.map(namesIn);
        for (const [path, at] of findSources(chain)) expect(names[at]?.[path]).toEqual(names[0]?.[path]);
      }),
    );
  });

  it('store no file again that is the same', () => {
    fc.assert(
      fc.property(trees, trees, (base, tree) => {
        const [before, now] = [namesIn(base), namesIn(tree)];
        const isSame = (path: string): boolean =>
          tree.get(path)?.facts === base.get(path)?.facts && `${now[path]}` === `${before[path]}`;
        for (const { path, stored } of markChanged(tree, base).values())
          expect(stored).toBe(!now[path]?.every(isSame));
      }),
    );
  });

  it('refuse a chain that lacks a file, or has another one in its place', () => {
    const [tree, other] = [treeOf([{ path: 'a' }]), treeOf([{ path: 'a', value: 1 }])];
    const incremental = markChanged(tree, tree);
    expect(() => findSources([incremental])).toThrow("the backup lacks '/'");
    expect(() => findSources([incremental, treeOf([])])).toThrow("the backup lacks '/a'");
    expect(() => findSources([incremental, other])).toThrow("the backup lacks '/a'");
  });

  it('take no longer for a file of many names than for many files', { timeout: 5_000 }, () => {
    const names = (length: number): TreeIndex =>
      treeOf(
        Array.from({ length }, (_, i) => ({
          path: `${String(i).padStart(5, '0')}${'n'.repeat(50)}`,
          group: 1,
        })),
      );
    const tree = names(20_000);
    expect([...markChanged(tree, names(20_000)).values()].some(({ stored }) => stored)).toBe(false);
    expect([...markChanged(tree, names(19_999)).values()].filter(({ stored }) => stored)).toHaveLength(
      20_000,
    );
    expect(planOnto(tree, tree).write.size).toBe(1);
  });
});

/** An overlay: what it shows, and which file each name is of. */
class Overlay {
  readonly shown: Map<string, { readonly entry: IndexEntry; readonly file: string }>;

  constructor(template: TreeIndex) {
    this.shown = new Map(
      [...template].map(([path, entry]) => [path, { entry, file: `template ${fileOf(entry)}` }]),
    );
  }

  hide(path: string): void {
    expect(this.shown.has(path)).toBe(true);
    this.#remove(path);
  }

  write(entry: IndexEntry): void {
    const { path } = entry;
    const before = this.shown.get(path);
    if (before && !(typeOf(entry) === 'd' && typeOf(before.entry) === 'd')) this.#remove(path);
    this.shown.set(path, { entry, file: `written ${fileOf(entry)}` });
  }

  facts(): Record<string, string> {
    return Object.fromEntries([...this.shown].map(([path, { entry }]) => [path, entry.facts]).sort());
  }

  names(): Record<string, readonly string[]> {
    const all = [...this.shown];
    const namesOf = (file: string): string[] =>
      all.filter(([, other]) => other.file === file).map(([path]) => path);
    return Object.fromEntries(all.map(([path, { file }]) => [path, namesOf(file).sort()]));
  }

  #remove(path: string): void {
    for (const other of [...this.shown.keys()])
      if (other === path || other.startsWith(`${path}/`)) this.shown.delete(other);
  }
}

function fileOf({ path, group }: IndexEntry): string {
  return group === 0 ? path : `#${group}`;
}

describe('planOnto', () => {
  it('makes an overlay of a template show the tree, names of one file and all', () => {
    fc.assert(
      fc.property(trees, trees, (tree, template) => {
        const { write, hide } = planOnto(tree, template);
        const overlay = new Overlay(template);
        for (const path of hide) overlay.hide(path);
        for (const [path, entry] of tree) if (write.has(path)) overlay.write(entry);
        expect(overlay.facts()).toEqual(
          Object.fromEntries([...tree].map(([path, { facts }]) => [path, facts]).sort()),
        );
        expect(overlay.names()).toEqual(namesIn(tree));
      }),
      { numRuns: 500 },
    );
  });

  it('writes the directory of whatever it writes or hides, and nothing that the tree has not', () => {
    fc.assert(
      fc.property(trees, trees, (tree, template) => {
        const { write, hide } = planOnto(tree, template);
        for (const path of [...write, ...hide])
          expect(write.has(path.slice(0, Math.max(0, path.lastIndexOf('/'))))).toBe(true);
        for (const path of write) expect(tree.has(path)).toBe(true);
      }),
    );
  });

  it('leaves to the template what is the same', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        expect(planOnto(tree, tree)).toEqual({ write: new Set(['']), hide: [] });
      }),
    );
  });
});

describe('planWhole', () => {
  it('writes all and hides nothing', () => {
    expect(planWhole(treeOf([{ path: 'a' }]))).toEqual({ write: new Set(['', 'a']), hide: [] });
  });
});
