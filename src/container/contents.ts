/** A container's files as they are seen in it, to be read by the host: in one state, whatever it does meanwhile. */
import { mkdirSync, rmSync } from 'node:fs';
import type { TreeIndex } from '../backup/tree-index.js';
import { walkTree } from '../backup/walk.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { mountRoot } from '../host/launcher.js';
import { isMounted } from '../host/mounts.js';
import { ownMounts } from '../plan/equipment.js';
import { type Chain, FIRST, inNode } from '../plan/image.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import { planTree, planView } from '../plan/plan-root.js';
import { readSnapshots } from '../state/snapshots.js';
import { areaOf, contentsOf, releaseContents, storeOf } from './area.js';
import type { Context } from './context.js';
import { settleLinks } from './links.js';
import { prepareRoot } from './mount.js';
import { editSnapshots } from './snapshot-edit.js';
import { standingStill } from './still.js';

/** How a running container is kept still: it goes on after a snapshot, or waits until all is read. */
export type Stillness = 'snapshot' | 'suspend';

export interface Contents {
  /** The directory that holds the tree as `root`, read-only, with the ids that the container sees. */
  readonly place: string;
  /** Whether these are copies of the container's files, with change times of their own. */
  readonly copied: boolean;
}

type Work<T> = (contents: Contents) => Promise<T>;

/** With the container's lock held. */
export async function withContents<T>(
  context: Context,
  config: ContainerConfig,
  stillness: Stillness,
  work: Work<T>,
): Promise<T> {
  const { chain } = readSnapshots(config.privateArea).current;
  const read = async (): Promise<T> => {
    await settleLinks(context, config);
    return viewed(context, config, chain, (place) => work({ place, copied: false }));
  };
  if (!isMounted(config.root)) {
    await prepareRoot(context, config);
    return read();
  }
  if (stillness === 'suspend') return standingStill(context, config.ctid, read);
  return ofSnapshot(context, config, work);
}

/** The same of files that are in use, as they are at the moment. */
export function withLiveContents<T>(context: Context, config: ContainerConfig, work: Work<T>): Promise<T> {
  const { chain } = readSnapshots(config.privateArea).current;
  return viewed(context, config, chain, (place) => work({ place, copied: false }));
}

/** The same of a snapshot, whatever the container does. */
export function withSnapshotContents<T>(
  context: Context,
  config: ContainerConfig,
  chain: Chain,
  work: Work<T>,
): Promise<T> {
  return viewed(context, config, chain, (place) => work({ place, copied: false }));
}

/** The same of the directories that its bind mounts without a source are. */
export function withOwnMounts<T>(context: Context, config: ContainerConfig, work: Work<T>): Promise<T> {
  const { ctid, privateArea } = config;
  return shown(
    context,
    ctid,
    (target) => planTree(ownMounts(privateArea), target),
    (place) => work({ place, copied: false }),
  );
}

/** The same where nothing changes them: the caller sees to that. */
export async function withStillContents<T>(
  context: Context,
  config: ContainerConfig,
  work: Work<T>,
): Promise<T> {
  await settleLinks(context, config);
  return withLiveContents(context, config, work);
}

/** The copy is a node that nothing is made of: it goes when all is read, or when a killed command is cleaned up after. */
async function ofSnapshot<T>(context: Context, config: ContainerConfig, work: Work<T>): Promise<T> {
  const copied = config.layout.store !== 'btrfs';
  const tree = readSnapshots(config.privateArea);
  const { chain } = tree.current;
  let outcome: Promise<T> | undefined;
  await editSnapshots(context, config, {
    code: 'SNAPSHOT_FAILED',
    verb: 'backup',
    change: async (at, node) => {
      const area = { ...areaOf(context, config), path: at };
      await standingStill(context, config.ctid, async () => {
        await settleLinks(context, config, at);
        await storeOf(config).copyNode(area, chain.node, node, true);
      });
      outcome = viewed(context, config, { node, below: chain.below }, (place) => work({ place, copied }));
      // What fails here is not the snapshot; it is told below.
      await outcome.catch(() => undefined);
      return tree;
    },
  });
  return outcome as Promise<T>;
}

/** What an overlay shows in whose fresh area, which is mounted if need be, nothing was written: its template. */
export function listTemplate(
  context: Context,
  config: ContainerConfig,
  signal: AbortSignal | undefined,
): Promise<TreeIndex> {
  return viewed(context, config, FIRST, async (place) => (await walkTree(`${place}/root`, { signal })).index);
}

/** The same of a container whose own area is not fresh. */
export async function listItsTemplate(
  context: Context,
  config: ContainerConfig,
  signal: AbortSignal | undefined,
): Promise<TreeIndex> {
  const privateArea = `${context.paths.contents(config.ctid)}.fresh`;
  mkdirSync(`${privateArea}/${inNode(FIRST.node, 'upper')}`, { recursive: true, mode: 0o755 });
  try {
    return await listTemplate(
      context,
      { ...config, privateArea, layout: { tree: 'overlay', store: 'directory' } },
      signal,
    );
  } finally {
    rmSync(privateArea, { recursive: true, force: true });
  }
}

/** A tree of the area, read-only. */
function viewed<T>(
  context: Context,
  config: ContainerConfig,
  chain: Chain,
  work: (place: string) => Promise<T>,
): Promise<T> {
  const plan = (target: string): LaunchPlan => planView(config, contentsOf(context, config, chain), target);
  return shown(context, config.ctid, plan, work);
}

async function shown<T>(
  context: Context,
  ctid: Ctid,
  plan: (target: string) => LaunchPlan,
  work: (place: string) => Promise<T>,
): Promise<T> {
  const place = context.paths.contents(ctid);
  mkdirSync(`${place}/root`, { recursive: true, mode: 0o700 });
  try {
    await mountRoot(plan(`${place}/root`));
    return await work(place);
  } finally {
    await releaseContents(context, ctid);
  }
}
