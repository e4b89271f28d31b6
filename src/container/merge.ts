/** Layers that nothing ends between any more become one. */
import type { ContainerConfig } from '../config/container-config.js';
import { isMounted } from '../host/mounts.js';
import { mergeNodes } from '../host/storage/nodes.js';
import { findPair, mergePair, type Pair, readSnapshots } from '../state/snapshots.js';
import type { Context } from './context.js';
import { settleLinks } from './links.js';
import { editSnapshots, stacks, viewOf } from './snapshot-edit.js';

/**
 * With the lock held. What only the lower one has moves to the upper one: no data is copied. While anything of the
 * container is mounted it waits for the next time: a mount does not forgive the loss of its layers.
 */
export async function mergeSnapshots(context: Context, config: ContainerConfig): Promise<void> {
  if (!stacks(config)) return;
  for (let pair = nextPair(context, config); pair; pair = nextPair(context, config)) {
    try {
      await merge(context, config, pair);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      context.report({ type: 'warning', ctid: config.ctid, message: `layers stay apart: ${why}` });
      return;
    }
  }
}

function nextPair(context: Context, { ctid, privateArea, root }: ContainerConfig): Pair | undefined {
  const tree = readSnapshots(privateArea);
  if (isMounted(root) || tree.snapshots.some(({ uuid }) => viewOf(context, ctid, uuid) !== undefined))
    return undefined;
  return findPair(tree);
}

async function merge(context: Context, config: ContainerConfig, pair: Pair): Promise<void> {
  const tree = readSnapshots(config.privateArea);
  const writable = pair.top === tree.current.chain.node;
  if (writable) await settleLinks(context, config);
  await editSnapshots(context, config, {
    code: 'MERGE_FAILED',
    verb: 'merge',
    merge: pair,
    change: async (at) => {
      await mergeNodes(at, pair, { writable });
      return mergePair(tree, pair);
    },
  });
}
