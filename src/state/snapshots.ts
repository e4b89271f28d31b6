/**
 * A container's snapshots: what there is, which nodes of its private area each is made of, and how that changes.
 *
 * All of it is one file, `snapshots.json` in the private area: whatever a change does, it counts once that file is
 * replaced, and nodes that it does not name are nobody's.
 */
import { rmSync } from 'node:fs';
import { CellaError } from '../errors.js';
import { type Chain, FIRST } from '../plan/image.js';
import { syncDirectory, writeFileAtomic } from './atomic-file.js';
import { readText } from './text-file.js';

export interface Snapshot {
  readonly uuid: string;
  /** The snapshot that it was taken on top of. */
  readonly parent: string | null;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly name: string;
  readonly description: string;
  /** The container's config at that time; null: not kept. */
  readonly config: string | null;
  readonly chain: Chain;
  /** Its processes are kept too: see `stateOf`. */
  readonly state?: true;
}

export interface SnapshotTree {
  readonly version: 1;
  /** What the container writes to, and the snapshot that it goes on from. */
  readonly current: { readonly chain: Chain; readonly parent: string | null };
  readonly snapshots: readonly Snapshot[];
  /** A change is being made, or its remains taken away: what whoever goes on with it has to do. */
  readonly unfinished: {
    /** To be put into force. */
    readonly config: string | null;
    /** To be merged; what they show together stays the same all the while. */
    readonly merge?: Pair;
  } | null;
}

export const NO_SNAPSHOTS: SnapshotTree = {
  version: 1,
  current: { chain: FIRST, parent: null },
  snapshots: [],
  unfinished: null,
};

export const SNAPSHOTS_FILE = 'snapshots.json';
const NODE = /^n-[0-9a-f]{8}$/;

export function isNode(name: string): boolean {
  return NODE.test(name);
}

export function readSnapshots(privateArea: string): SnapshotTree {
  const path = `${privateArea}/${SNAPSHOTS_FILE}`;
  const text = readText(path);
  return text === undefined ? NO_SNAPSHOTS : parseSnapshots(text, path);
}

/** `path` is for the complaint. */
export function parseSnapshots(text: string, path: string): SnapshotTree {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isTree(value)) return value;
  throw new CellaError('SNAPSHOT_LIST_FAILED', `'${path}' is not a list of snapshots`);
}

function isTree(value: unknown): value is SnapshotTree {
  const { version, current, snapshots } = (value ?? {}) as Partial<SnapshotTree>;
  return (
    version === 1 &&
    isChain(current?.chain) &&
    Array.isArray(snapshots) &&
    snapshots.every((at: Partial<Snapshot> | null) => typeof at?.uuid === 'string' && isChain(at.chain))
  );
}

function isChain(value: unknown): value is Chain {
  const { node, below } = (value ?? {}) as Partial<Chain>;
  const names: readonly unknown[] = [node, ...(Array.isArray(below) ? below : [undefined])];
  return names.every((name) => typeof name === 'string' && (name === '' || isNode(name)));
}

/** Survives a power cut. A container without snapshots, as it was made, has no such file. */
export function writeSnapshots(privateArea: string, tree: SnapshotTree): void {
  const path = `${privateArea}/${SNAPSHOTS_FILE}`;
  if (JSON.stringify(tree) !== JSON.stringify(NO_SNAPSHOTS)) {
    writeFileAtomic(path, `${JSON.stringify(tree, null, 2)}\n`, { durable: true });
    return;
  }
  rmSync(path, { force: true });
  syncDirectory(privateArea);
}

export function findSnapshot(tree: SnapshotTree, uuid: string): Snapshot | undefined {
  return tree.snapshots.find((snapshot) => snapshot.uuid === uuid);
}

/** From the writable node down to the lowest. */
export function nodesOf({ node, below }: Chain): readonly string[] {
  return [node, ...below];
}

function chainsOf(tree: SnapshotTree): readonly Chain[] {
  return [tree.current.chain, ...tree.snapshots.map(({ chain }) => chain)];
}

/** Nodes that something is made of. */
export function usedNodes(tree: SnapshotTree): ReadonlySet<string> {
  return new Set(chainsOf(tree).flatMap(nodesOf));
}

/** Snapshots whose processes are kept. */
export function keptStates(tree: SnapshotTree): ReadonlySet<string> {
  return new Set(tree.snapshots.filter(({ state }) => state).map(({ uuid }) => uuid));
}

export type Taken = Omit<Snapshot, 'parent' | 'chain'>;

/** What is written from now on goes to `node`, on top of what is there. */
export function takeStacked(tree: SnapshotTree, taken: Taken, node: string): SnapshotTree {
  const { chain, parent } = tree.current;
  return {
    ...tree,
    current: { chain: { node, below: nodesOf(chain) }, parent: taken.uuid },
    snapshots: [...tree.snapshots, { ...taken, parent, chain }],
  };
}

/** `node` is a copy of what is there. */
export function takeCopied(tree: SnapshotTree, taken: Taken, node: string): SnapshotTree {
  const { chain, parent } = tree.current;
  return {
    ...tree,
    current: { chain, parent: taken.uuid },
    snapshots: [...tree.snapshots, { ...taken, parent, chain: { node, below: chain.below } }],
  };
}

/** What is there goes; `chain` is the snapshot's contents, to be written to. */
export function switchTo(tree: SnapshotTree, { uuid }: Snapshot, chain: Chain): SnapshotTree {
  return { ...tree, current: { chain, parent: uuid } };
}

/** Those taken on top of it are its parent's from then on. */
export function forget(tree: SnapshotTree, { uuid, parent }: Snapshot): SnapshotTree {
  const adopt = <T extends { readonly parent: string | null }>(child: T): T =>
    child.parent === uuid ? { ...child, parent } : child;
  return {
    ...tree,
    current: adopt(tree.current),
    snapshots: tree.snapshots.filter((at) => at.uuid !== uuid).map(adopt),
  };
}

export interface Pair {
  readonly top: string;
  readonly bottom: string;
}

/** Two neighbours that can become one: wherever one of them is, the other is too, and nothing ends between them. */
export function findPair(tree: SnapshotTree): Pair | undefined {
  const chains = chainsOf(tree).map(nodesOf);
  const after = (nodes: readonly string[], node: string): string | undefined =>
    nodes[nodes.indexOf(node) + 1];
  for (const nodes of chains) {
    for (const [i, top] of nodes.entries()) {
      const bottom = nodes[i + 1];
      if (bottom === undefined) continue;
      const together = chains.every((other) =>
        other.includes(bottom) ? other.includes(top) && after(other, top) === bottom : !other.includes(top),
      );
      if (together) return { top, bottom };
    }
  }
  return undefined;
}

/** The upper one holds what was in both. */
export function mergePair(tree: SnapshotTree, { bottom }: Pair): SnapshotTree {
  const merged = ({ node, below }: Chain): Chain => ({ node, below: below.filter((at) => at !== bottom) });
  return {
    ...tree,
    current: { ...tree.current, chain: merged(tree.current.chain) },
    snapshots: tree.snapshots.map((snapshot) => ({ ...snapshot, chain: merged(snapshot.chain) })),
  };
}
