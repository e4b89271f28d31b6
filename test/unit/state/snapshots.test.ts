/** Snapshots as lists of nodes: whatever is done in whatever order, each shows what was there when it was taken. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findPair,
  findSnapshot,
  forget,
  mergePair,
  NO_SNAPSHOTS,
  nodesOf,
  type Pair,
  parseSnapshots,
  type SnapshotTree,
  switchTo,
  takeCopied,
  takeStacked,
  usedNodes,
} from '../../../src/state/snapshots.js';

const GONE = Symbol('gone');
type Layer = Map<string, number | typeof GONE>;

/** A container of which only the names of files matter, with layers as overlayfs has them. */
class Model {
  tree: SnapshotTree = NO_SNAPSHOTS;
  readonly layers = new Map<string, Layer>([['', new Map()]]);
  readonly expected = new Map<string, string>();
  now = new Map<string, number>();
  #count = 0;

  show(nodes: readonly string[]): string {
    const shown: Layer = new Map();
    for (const node of [...nodes].reverse())
      for (const [file, value] of this.layers.get(node) ?? []) shown.set(file, value);
    return JSON.stringify([...shown].filter(([, value]) => value !== GONE).sort());
  }

  write(file: string, value: number | typeof GONE): void {
    this.layers.get(this.tree.current.chain.node)?.set(file, value);
    if (value === GONE) this.now.delete(file);
    else this.now.set(file, value);
  }

  take(stacked: boolean): void {
    const node = this.#node(new Map());
    const taken = { uuid: `u${this.#count}`, created: 0, name: '', description: '', config: null };
    if (!stacked) this.layers.set(node, new Map(this.layers.get(this.tree.current.chain.node)));
    this.tree = (stacked ? takeStacked : takeCopied)(this.tree, taken, node);
    this.expected.set(taken.uuid, this.show(this.current));
  }

  switch(which: number): void {
    const target = this.#pick(which);
    if (!target) return;
    const node = this.#node(new Map());
    this.tree = switchTo(this.tree, target, { node, below: nodesOf(target.chain) });
    this.now = new Map(JSON.parse(this.expected.get(target.uuid) ?? '[]') as [string, number][]);
    this.sweep();
  }

  delete(which: number): void {
    const target = this.#pick(which);
    if (!target) return;
    this.tree = forget(this.tree, target);
    this.expected.delete(target.uuid);
    this.sweep();
    for (let pair = findPair(this.tree); pair; pair = findPair(this.tree)) this.#merge(pair);
  }

  get current(): readonly string[] {
    return nodesOf(this.tree.current.chain);
  }

  sweep(): void {
    const used = usedNodes(this.tree);
    for (const node of [...this.layers.keys()]) if (!used.has(node)) this.layers.delete(node);
  }

  #merge(pair: Pair): void {
    const bottom = this.layers.get(pair.bottom) ?? new Map();
    this.layers.set(pair.top, new Map([...bottom, ...(this.layers.get(pair.top) ?? [])]));
    this.tree = mergePair(this.tree, pair);
    this.sweep();
  }

  #pick(which: number) {
    return this.tree.snapshots[which % Math.max(1, this.tree.snapshots.length)];
  }

  #node(layer: Layer): string {
    this.#count += 1;
    const node = `n-${this.#count.toString(16).padStart(8, '0')}`;
    this.layers.set(node, layer);
    return node;
  }
}

const file = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  fc.tuple(file, fc.nat(9)).map(
    ([name, value]) =>
      (at: Model) =>
        at.write(name, value),
  ),
  file.map((name) => (at: Model) => at.write(name, GONE)),
  fc.boolean().map((stacked) => (at: Model) => at.take(stacked)),
  fc.nat(9).map((which) => (at: Model) => at.switch(which)),
  fc.nat(9).map((which) => (at: Model) => at.delete(which)),
);

describe('a list of snapshots', () => {
  it('shows what was there, whatever is taken, switched to, deleted and merged', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const model = new Model();
        for (const run of steps) {
          run(model);
          expect(model.show(model.current)).toBe(JSON.stringify([...model.now].sort()));
          for (const { uuid, chain } of model.tree.snapshots)
            expect(model.show(nodesOf(chain))).toBe(model.expected.get(uuid));
          expect(parseSnapshots(JSON.stringify(model.tree), 'x')).toEqual(model.tree);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is one layer again when all are deleted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const model = new Model();
        for (const run of steps) run(model);
        while (model.tree.snapshots.length > 0) model.delete(0);
        expect(model.current.length).toBe(1);
        expect([...model.layers.keys()]).toEqual(model.current);
        expect(model.tree.current.parent).toBeNull();
      }),
    );
  });

  it('keeps the parents right when one in the middle goes', () => {
    const model = new Model();
    for (let i = 0; i < 3; i++) model.take(true);
    const [first, second, third] = model.tree.snapshots.map(({ uuid }) => uuid);
    model.delete(1);
    expect(findSnapshot(model.tree, second ?? '')).toBeUndefined();
    expect(model.tree.snapshots.map(({ uuid, parent }) => [uuid, parent])).toEqual([
      [first, null],
      [third, first],
    ]);
    expect(model.tree.current.parent).toBe(third);
  });

  it.each([
    '',
    '{',
    'null',
    '{"version":2}',
    JSON.stringify({ ...NO_SNAPSHOTS, current: { chain: { node: '../x', below: [] }, parent: null } }),
    JSON.stringify({ ...NO_SNAPSHOTS, current: { chain: { node: '', below: ['/etc'] }, parent: null } }),
    JSON.stringify({ ...NO_SNAPSHOTS, snapshots: [null] }),
  ])('is not read from %j', (text) => {
    expect(() => parseSnapshots(text, '/x')).toThrow("'/x' is not a list of snapshots");
  });
});
