/** snapshot, snapshot-switch, snapshot-delete: states of a container's files that it can go back to. */
import { randomUUID } from 'node:crypto';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatConfig, getSettings, parseConfig, updateConfig } from '../config/grammar.js';
import { CellaError } from '../errors.js';
import { isMounted } from '../host/mounts.js';
import { addNode } from '../host/storage/nodes.js';
import {
  findSnapshot,
  forget,
  nodesOf,
  readSnapshots,
  type Snapshot,
  switchTo,
  takeCopied,
  takeStacked,
} from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { areaOf, contentsOf, storeOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { settleLinks } from './links.js';
import { mergeSnapshots } from './merge.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';
import { editSnapshots, formatUuid, parseUuid, requireSnapshot, stacks, viewOf } from './snapshot-edit.js';
import { standingStill } from './still.js';

export interface SnapshotOptions {
  /** Default: a new one. */
  readonly uuid?: string;
  readonly name?: string;
  readonly description?: string;
  /** Does not keep the container's config with it. */
  readonly skipConfig?: boolean;
  readonly signal?: AbortSignal;
}

export type SnapshotInfo = Omit<Snapshot, 'chain' | 'config'> & { readonly current: boolean };

/** Layers that an overlay is put together from, at most (native/core/overlay.cc), without its upper one. */
const MOST_LAYERS = 62;

/**
 * Of an overlay that is not mounted: a new layer on the old ones. On btrfs: a snapshot of its subvolume. Else: a copy,
 * which shares blocks where the file system can, and for which a running container stands still.
 */
export async function snapshot(
  context: Context,
  ctid: Ctid,
  options: SnapshotOptions = {},
): Promise<{ readonly uuid: string }> {
  using _lock = await lockContainer(context, ctid, 'snapshot', options.signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const tree = readSnapshots(config.privateArea);
  const uuid = options.uuid === undefined ? randomUUID() : parseUuid(options.uuid);
  if (findSnapshot(tree, uuid))
    throw new CellaError('SNAPSHOT_FAILED', `container ${ctid} has a snapshot ${formatUuid(uuid)} already`);
  const { chain } = tree.current;
  const stacked = stacks(config) && !isMounted(config.root);
  if (stacked && nodesOf(chain).length + contentsOf(context, config).template.length >= MOST_LAYERS)
    throw new CellaError(
      'SNAPSHOT_FAILED',
      `container ${ctid} has as many snapshots as an overlay can take`,
      {
        hint: 'Delete some first.',
      },
    );
  if (stacked) await settleLinks(context, config);
  const taken = {
    uuid,
    created: Date.now(),
    name: options.name ?? '',
    description: options.description ?? '',
    config: options.skipConfig ? null : (readText(context.paths.config(ctid)) ?? null),
  };
  await editSnapshots(context, config, {
    code: 'SNAPSHOT_FAILED',
    verb: 'snapshot',
    change: async (at, node) => {
      if (stacked) {
        addNode(at, node, config.layout.tree);
        return takeStacked(tree, taken, node);
      }
      const area = { ...areaOf(context, config), path: at };
      await standingStill(context, ctid, async () => {
        await settleLinks(context, config, at);
        await storeOf(config).copyNode(area, chain.node, node, true);
      });
      return takeCopied(tree, taken, node);
    },
  });
  return { uuid };
}

export interface SwitchOptions {
  /** Leaves the container's config as it is. */
  readonly skipConfig?: boolean;
  readonly signal?: AbortSignal;
}

/** What the container has is given up; the snapshot stays as it is. */
export async function switchSnapshot(
  context: Context,
  ctid: Ctid,
  id: string,
  options: SwitchOptions = {},
): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'snapshot-switch', options.signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const tree = readSnapshots(config.privateArea);
  const target = requireSnapshot(ctid, tree, id, 'SWITCH_FAILED');
  expectStopped(context, ctid);
  expectUnmounted(config);
  await editSnapshots(context, config, {
    code: 'SWITCH_FAILED',
    verb: 'snapshot-switch',
    config: options.skipConfig ? undefined : configOf(context, config, target),
    change: async (at, node) => {
      if (stacks(config)) {
        addNode(at, node, config.layout.tree);
        return switchTo(tree, target, { node, below: nodesOf(target.chain) });
      }
      const area = { ...areaOf(context, config), path: at, node };
      await storeOf(config).copyNode(area, target.chain.node, node, false);
      return switchTo(tree, target, { node, below: [] });
    },
  });
  await mergeSnapshots(context, config);
}

/** Where its files lie, whose they are, how many there may be, and what it is called does not go back. */
const LASTING = [
  'VE_ROOT',
  'VE_PRIVATE',
  'VE_LAYOUT',
  'LOCAL_UID',
  'LOCAL_GID',
  'DISKSPACE',
  'DISKINODES',
  'DISK_QUOTA',
  'QUOTAUGIDLIMIT',
  'NAME',
] as const;

function configOf(context: Context, { ctid }: ContainerConfig, { config }: Snapshot): string | undefined {
  if (config === null) return undefined;
  const now = getSettings(parseConfig(readText(context.paths.config(ctid)) ?? ''));
  const kept = new Map(LASTING.map((key) => [key, now.get(key)?.value ?? null] as const));
  const text = formatConfig(updateConfig(parseConfig(config), kept));
  // Whether it can be read at all is better known before anything changes.
  context.readContainer(ctid, text, context.paths.config(ctid));
  return text;
}

export async function deleteSnapshot(
  context: Context,
  ctid: Ctid,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'snapshot-delete', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const tree = readSnapshots(config.privateArea);
  const target = requireSnapshot(ctid, tree, id, 'SNAPSHOT_DELETE_FAILED');
  const view = viewOf(context, ctid, target.uuid);
  if (view !== undefined)
    throw new CellaError(
      'SNAPSHOT_DELETE_FAILED',
      `snapshot ${formatUuid(target.uuid)} is mounted at '${view}'`,
      { hint: `Unmount it first: vzctl snapshot-umount ${ctid} --id ${target.uuid}` },
    );
  await editSnapshots(context, config, {
    code: 'SNAPSHOT_DELETE_FAILED',
    verb: 'snapshot-delete',
    change: async () => forget(tree, target),
  });
  await mergeSnapshots(context, config);
}

/** Before anything is done for it. */
export function expectSnapshot(context: Context, ctid: Ctid, id: string): void {
  requireSnapshot(ctid, readSnapshots(loadConfig(context, ctid).privateArea), id, 'SWITCH_FAILED');
}

/** In the order in which they were taken. */
export function listSnapshots(context: Context, ctid: Ctid, id?: string): readonly SnapshotInfo[] {
  const tree = readSnapshots(loadConfig(context, ctid).privateArea);
  const { current } = tree;
  const wanted =
    id === undefined ? tree.snapshots : [requireSnapshot(ctid, tree, id, 'SNAPSHOT_LIST_FAILED')];
  return wanted.map(({ chain: _chain, config: _config, ...info }) => ({
    ...info,
    current: info.uuid === current.parent,
  }));
}
