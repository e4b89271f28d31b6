/**
 * How snapshots change: new nodes are made beside the old ones, the list is replaced, what nobody names any more goes.
 *
 * The list says `unfinished` from before the first node is made until the last one is gone, so that whoever comes after
 * a kill knows that there is something to take away.
 */
import { randomBytes } from 'node:crypto';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError, type ErrorCode, firstCoded, isErrno } from '../errors.js';
import { faultPoint } from '../fault.js';
import { isMounted } from '../host/mounts.js';
import { ensureWork, mergeNodes, sweepNodes } from '../host/storage/nodes.js';
import { sweepStates } from '../host/storage/states.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import {
  findSnapshot,
  keptStates,
  mergePair,
  type Pair,
  readSnapshots,
  type Snapshot,
  type SnapshotTree,
  usedNodes,
  writeSnapshots,
} from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { withArea } from './area.js';
import type { Context } from './context.js';

/** Whether new snapshots lie on the old ones; else each is a copy, on btrfs one that costs nothing. */
export function stacks({ layout }: ContainerConfig): boolean {
  return layout.tree === 'overlay' && layout.store !== 'btrfs';
}

export interface Edit {
  /** Of what fails. */
  readonly code: ErrorCode;
  readonly verb: string;
  /** Makes the new nodes in the area at `at`; the list that comes of it. */
  readonly change: (at: string, node: string) => Promise<SnapshotTree>;
  /** To be the container's from then on. */
  readonly config?: string | undefined;
  /** What a killed change is to be gone on with. */
  readonly merge?: Pair;
}

export async function editSnapshots(context: Context, config: ContainerConfig, edit: Edit): Promise<void> {
  const { privateArea } = config;
  const before = readSnapshots(privateArea);
  const { merge } = edit;
  try {
    await withArea(context, config, async (at) => {
      let now: SnapshotTree = { ...before, unfinished: { config: null } };
      writeSnapshots(privateArea, merge ? { ...now, unfinished: { config: null, merge } } : now);
      faultPoint(`${edit.verb}.begun`);
      try {
        const after = await edit.change(at, newNode(before));
        faultPoint(`${edit.verb}.made`);
        now = { ...after, unfinished: { config: edit.config ?? null } };
        writeSnapshots(privateArea, now);
        faultPoint(`${edit.verb}.done`);
      } finally {
        await finish(context, config, at, now);
      }
    });
  } catch (cause) {
    throw explained(config, edit, cause);
  }
}

/** For whoever comes after one that was killed; false where there is nothing to go on with. */
export async function finishSnapshots(context: Context, config: ContainerConfig): Promise<boolean> {
  const tree = readSnapshots(config.privateArea);
  if (!tree.unfinished) return false;
  await withArea(context, config, (at) => finish(context, config, at, tree));
  return true;
}

async function finish(
  context: Context,
  { ctid, privateArea, layout }: ContainerConfig,
  at: string,
  tree: SnapshotTree,
): Promise<void> {
  const { config = null, merge } = tree.unfinished ?? {};
  let now = tree;
  if (merge) {
    await mergeNodes(at, merge, { writable: merge.top === tree.current.chain.node });
    now = mergePair(tree, merge);
    writeSnapshots(privateArea, { ...now, unfinished: { config } });
  }
  if (config !== null) writeFileAtomic(context.paths.config(ctid), config, { durable: true });
  await sweepNodes(at, usedNodes(now));
  await sweepStates(privateArea, keptStates(now));
  if (layout.tree === 'overlay') ensureWork(at, now.current.chain.node);
  writeSnapshots(privateArea, { ...now, unfinished: null });
}

function newNode(tree: SnapshotTree): string {
  const used = usedNodes(tree);
  for (;;) {
    const node = `n-${randomBytes(4).toString('hex')}`;
    if (!used.has(node)) return node;
  }
}

function explained({ ctid }: ContainerConfig, { code, verb }: Edit, cause: unknown): unknown {
  const coded = firstCoded(cause);
  // What a tool failed with says why, but not what for.
  if (coded && coded.code !== 'SYSTEM') return cause;
  const full = isErrno(cause, 'ENOSPC', 'EDQUOT');
  const why = full ? 'no space is left' : cause instanceof Error ? cause.message : String(cause);
  return new CellaError(code, `${verb} of container ${ctid} failed: ${why}`, { cause });
}

/** By its UUID, with or without the braces that OpenVZ has around it. */
export function requireSnapshot(ctid: number, tree: SnapshotTree, id: string, code: ErrorCode): Snapshot {
  const found = findSnapshot(tree, parseUuid(id));
  if (found) return found;
  throw new CellaError(code, `container ${ctid} has no snapshot ${formatUuid(parseUuid(id))}`, {
    hint: `Look at: vzctl snapshot-list ${ctid}`,
  });
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function parseUuid(text: string): string {
  const uuid = text.replace(/^\{(.*)\}$/, '$1').toLowerCase();
  if (UUID.test(uuid)) return uuid;
  throw new CellaError('BAD_VALUE', `bad snapshot id: ${JSON.stringify(text.slice(0, 64))}`, {
    hint: 'Give a UUID, as snapshot-list shows.',
  });
}

export function formatUuid(uuid: string): string {
  return `{${uuid}}`;
}

/** Where it is mounted to be looked at. */
export function viewOf(context: Context, ctid: number, uuid: string): string | undefined {
  const target = readText(context.paths.view(ctid, uuid));
  return target !== undefined && isMounted(target) ? target : undefined;
}
