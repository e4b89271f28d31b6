/**
 * Snapshots on their way to another host: the files of each as what differs from the one before, of which that host takes
 * a snapshot by its own means. Which of them was taken on top of which says the list alone.
 */
import type { ContainerConfig } from '../config/container-config.js';
import { addNode, syncNodes } from '../host/storage/nodes.js';
import { makeStates, stateOf } from '../host/storage/states.js';
import { receiveImages, sendImages } from '../migrate/images.js';
import type { Link } from '../migrate/link.js';
import { expect, type Hello, type Message } from '../migrate/messages.js';
import { imagesOf, makeStaging, readHeader, settle, writeHeader } from '../state/dump.js';
import {
  nodesOf,
  readSnapshots,
  type Snapshot,
  type SnapshotTree,
  takeCopied,
  takeStacked,
} from '../state/snapshots.js';
import { areaOf, contentsOf, storeOf } from './area.js';
import { fitImages } from './arrive.js';
import type { Context } from './context.js';
import { expectFit, liveFacts } from './live-facts.js';
import { headerHere, suspendedFacts } from './move-suspended.js';
import type { FileSender } from './send-files.js';
import { MOST_LAYERS } from './snapshot.js';
import { editSnapshots, parseUuid, stacks } from './snapshot-edit.js';
import { processesOf } from './snapshot-state.js';

interface Sending {
  readonly sender: FileSender;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((snapshot: Snapshot) => void) | undefined;
}

export async function sendSnapshots(
  context: Context,
  config: ContainerConfig,
  link: Link,
  { sender, signal, progress }: Sending,
): Promise<void> {
  const { snapshots, current } = readSnapshots(config.privateArea);
  for (const snapshot of snapshots) {
    progress?.(snapshot);
    await sender.snapshot(snapshot.chain, signal);
    const { chain: _, ...rest } = snapshot;
    const processes = processesOf(config, snapshot);
    const header = processes === undefined ? undefined : readHeader(processes);
    const state = header ? { header, facts: await suspendedFacts(context, config, header) } : null;
    await link.send({ type: 'snapshot', snapshot: rest, current: current.parent, state });
    if (state && processes !== undefined) await sendImages(link, imagesOf(processes));
    await expect(link, ['done']);
  }
}

interface Receiving {
  readonly message: Extract<Message, { readonly type: 'snapshot' }>;
  readonly ignore: Hello['ignore'];
}

/** Of what is in an area that nothing is mounted of. */
export async function receiveSnapshot(
  context: Context,
  link: Link,
  config: ContainerConfig,
  { message, ignore }: Receiving,
): Promise<void> {
  const { state, current } = message;
  const { state: _, ...rest } = message.snapshot;
  const uuid = parseUuid(rest.uuid);
  const taken = { ...rest, uuid, ...(state ? { state: true as const } : {}) };
  await editSnapshots(context, config, {
    code: 'MIGRATION_FAILED',
    verb: 'receive',
    change: async (at, node) => {
      if (state) await receiveProcesses(context, link, config, { uuid, state, ignore });
      const tree = await takeHere(context, config, { at, node, taken });
      return { ...tree, current: { ...tree.current, parent: current } };
    },
  });
}

interface Taking {
  readonly at: string;
  readonly node: string;
  readonly taken: Omit<Snapshot, 'parent' | 'chain'> & { readonly parent: string | null };
}

async function takeHere(
  context: Context,
  config: ContainerConfig,
  { at, node, taken }: Taking,
): Promise<SnapshotTree> {
  const before = readSnapshots(config.privateArea);
  const { chain } = before.current;
  const tree = { ...before, current: { chain, parent: taken.parent } };
  const layers = nodesOf(chain).length + contentsOf(context, config).template.length;
  if (stacks(config) && layers < MOST_LAYERS) {
    addNode(at, node, config.layout.tree);
    return takeStacked(tree, taken, node);
  }
  await storeOf(config).copyNode({ ...areaOf(context, config), path: at }, chain.node, node, true);
  await syncNodes(at);
  return takeCopied(tree, taken, node);
}

interface Processes {
  readonly uuid: string;
  readonly state: NonNullable<Receiving['message']['state']>;
  readonly ignore: Hello['ignore'];
}

async function receiveProcesses(
  context: Context,
  link: Link,
  config: ContainerConfig,
  { uuid, state: { header, facts }, ignore }: Processes,
): Promise<void> {
  const here = await liveFacts(context, config);
  expectFit(facts, here, ignore);
  makeStates(config.privateArea);
  const directory = stateOf(config.privateArea, uuid);
  const staging = makeStaging(directory);
  await receiveImages(link, imagesOf(staging));
  await fitImages(imagesOf(staging), config, { there: facts, here, header });
  writeHeader(staging, headerHere(context, config, header));
  await settle(directory);
}
