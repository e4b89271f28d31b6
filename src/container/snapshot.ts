/** snapshot, snapshot-switch, snapshot-delete: states of a container's files that it can go back to. */
import { randomUUID } from 'node:crypto';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatConfig, getSettings, parseConfig, updateConfig } from '../config/grammar.js';
import { CellaError } from '../errors.js';
import { isMounted } from '../host/mounts.js';
import { addNode, syncNodes } from '../host/storage/nodes.js';
import type { Chain } from '../plan/image.js';
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
import { warn } from './actions.js';
import { areaOf, contentsOf, storeOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { settleLinks } from './links.js';
import { mergeSnapshots } from './merge.js';
import { expectStopped, expectUnmounted, findInit, recover } from './recover.js';
import { editSnapshots, formatUuid, parseUuid, requireSnapshot, stacks, viewOf } from './snapshot-edit.js';
import { expectProcesses, keepProcesses, keepSuspended, processesOf, suspendedIn } from './snapshot-state.js';
import { standingStill } from './still.js';
import { withoutState } from './suspended.js';

export interface SnapshotOptions {
  /** Default: a new one. */
  readonly uuid?: string;
  readonly name?: string;
  readonly description?: string;
  /** Does not keep the container's config with it. */
  readonly skipConfig?: boolean;
  /** Does not keep the processes of a running one with it. */
  readonly skipSuspend?: boolean;
  readonly signal?: AbortSignal;
}

export type SnapshotInfo = Omit<Snapshot, 'chain' | 'config' | 'state'> & {
  readonly current: boolean;
  /** Whether its processes are kept too. */
  readonly state: boolean;
};

/** Layers that an overlay is put together from, at most (native/core/overlay.cc), without its upper one. */
export const MOST_LAYERS = 62;

/**
 * Of an overlay that is not mounted: a new layer on the old ones. On btrfs: a snapshot of its subvolume. Else: a copy,
 * which shares blocks where the file system can, and for which a running container stands still. Where its processes
 * cannot be kept too it warns: files alone are better than nothing.
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
  if (stacked) expectRoom(context, config, chain);
  if (stacked) await settleLinks(context, config);
  const taken = {
    uuid,
    created: Date.now(),
    name: options.name ?? '',
    description: options.description ?? '',
    config: options.skipConfig ? null : (readText(context.paths.config(ctid)) ?? null),
  };
  const keeps = !options.skipSuspend;
  const suspended = async (): Promise<{ readonly state?: true }> =>
    keeps && (await keepSuspended(context, config, uuid)) ? KEPT : {};
  await editSnapshots(context, config, {
    code: 'SNAPSHOT_FAILED',
    verb: 'snapshot',
    change: async (at, node) => {
      if (stacked) {
        addNode(at, node, config.layout.tree);
        return takeStacked(tree, { ...taken, ...(await suspended()) }, node);
      }
      const area = { ...areaOf(context, config), path: at };
      const copy = async (): Promise<void> => {
        await settleLinks(context, config, at);
        await storeOf(config).copyNode(area, chain.node, node, true);
      };
      const state = (await copyAtRest(context, config, copy, keeps ? uuid : undefined))
        ? KEPT
        : await suspended();
      await syncNodes(at);
      return takeCopied(tree, { ...taken, ...state }, node);
    },
  });
  return { uuid };
}

function expectRoom(context: Context, config: ContainerConfig, chain: Chain): void {
  if (nodesOf(chain).length + contentsOf(context, config).template.length < MOST_LAYERS) return;
  const why = `container ${config.ctid} has as many snapshots as an overlay can take`;
  throw new CellaError('SNAPSHOT_FAILED', why, { hint: 'Delete some first.' });
}

const KEPT = { state: true } as const;

/** Has `copy` be called while nothing of the container runs; returns whether its processes are kept for `uuid`. */
async function copyAtRest(
  context: Context,
  config: ContainerConfig,
  copy: () => Promise<void>,
  uuid: string | undefined,
): Promise<boolean> {
  const { ctid } = config;
  const keeps = uuid !== undefined && isRunning(context, ctid);
  let copied: Promise<void> | undefined;
  const once = (): Promise<void> => {
    // A dump that was tried again would be of another moment.
    if (copied !== undefined)
      throw new CellaError('SNAPSHOT_FAILED', 'its files were copied before its processes were dumped');
    copied = copy();
    return copied;
  };
  const why = keeps ? await keepProcesses(context, config, uuid, once) : undefined;
  await (copied ?? standingStill(context, ctid, once));
  if (why !== undefined) warn(context, ctid, `the snapshot is one of files alone: ${why}`);
  return keeps && why === undefined;
}

function isRunning(context: Context, ctid: Ctid): boolean {
  using init = findInit(context, ctid);
  return init !== undefined;
}

export interface SwitchOptions {
  /** Leaves the container's config as it is. */
  readonly skipConfig?: boolean;
  /** Goes back to files alone. */
  readonly skipResume?: boolean;
  /** Fails where there are no processes that can be resumed. */
  readonly mustResume?: boolean;
  readonly signal?: AbortSignal;
}

/** What the container has is given up; the snapshot stays as it is. Returns whether it is suspended in its state now. */
export async function switchSnapshot(
  context: Context,
  ctid: Ctid,
  id: string,
  options: SwitchOptions = {},
): Promise<{ readonly suspended: boolean }> {
  using _lock = await lockContainer(context, ctid, 'snapshot-switch', options.signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const tree = readSnapshots(config.privateArea);
  const target = requireSnapshot(ctid, tree, id, 'SWITCH_FAILED');
  expectStopped(context, ctid);
  expectUnmounted(config);
  const from = options.skipResume ? undefined : processesOf(config, target);
  const change = (): Promise<void> =>
    withoutState(context, ctid, () => goBack(context, config, target, options));
  await (from === undefined ? change() : suspendedIn(context, ctid, from, change));
  await mergeSnapshots(context, config);
  return { suspended: from !== undefined };
}

async function goBack(
  context: Context,
  config: ContainerConfig,
  target: Snapshot,
  options: SwitchOptions,
): Promise<void> {
  const tree = readSnapshots(config.privateArea);
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
      await syncNodes(at);
      return switchTo(tree, target, { node, below: [] });
    },
  });
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
export async function expectSnapshot(
  context: Context,
  ctid: Ctid,
  id: string,
  options: SwitchOptions,
): Promise<void> {
  const config = loadConfig(context, ctid);
  const target = requireSnapshot(ctid, readSnapshots(config.privateArea), id, 'SWITCH_FAILED');
  if (options.mustResume) await expectProcesses(config, target);
}

/** In the order in which they were taken. */
export function listSnapshots(context: Context, ctid: Ctid, id?: string): readonly SnapshotInfo[] {
  const tree = readSnapshots(loadConfig(context, ctid).privateArea);
  const { current } = tree;
  const wanted =
    id === undefined ? tree.snapshots : [requireSnapshot(ctid, tree, id, 'SNAPSHOT_LIST_FAILED')];
  return wanted.map(({ chain: _chain, config: _config, state = false, ...info }) => ({
    ...info,
    state,
    current: info.uuid === current.parent,
  }));
}
