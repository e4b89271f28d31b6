/** diff: what a container that does not run has changed of its template. */
import { existsSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { type Change, findChanges } from '../disk/changes.js';
import { CellaError } from '../errors.js';
import { IMAGE_NAME, inNode } from '../plan/image.js';
import { nodesOf, readSnapshots } from '../state/snapshots.js';
import { withArea } from './area.js';
import { type Context, layersOf, loadConfig, lockContainer } from './context.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';

export async function changes(
  context: Context,
  ctid: Ctid,
  signal?: AbortSignal,
): Promise<readonly Change[]> {
  using _lock = await lockContainer(context, ctid, 'diff', signal);
  await recover(context, ctid);
  return await changesLocked(context, ctid);
}

/** With the container's lock held. */
export async function changesLocked(context: Context, ctid: Ctid): Promise<readonly Change[]> {
  const config = loadConfig(context, ctid);
  expectOverlay(config);
  expectStopped(context, ctid);
  expectUnmounted(config);
  const { layout, privateArea } = config;
  // It is made when it is first mounted.
  if (layout.store === 'image' && !existsSync(`${privateArea}/${IMAGE_NAME}`)) return [];
  const nodes = nodesOf(readSnapshots(privateArea).current.chain);
  return withArea(context, config, (at) =>
    findChanges(
      nodes.map((node) => `${at}/${inNode(node, 'upper')}`),
      layersOf(context, config),
    ),
  );
}

export function expectOverlay({ ctid, layout }: Pick<ContainerConfig, 'ctid' | 'layout'>): void {
  if (layout.tree === 'overlay') return;
  throw new CellaError('BAD_VALUE', `container ${ctid} is a full copy: nobody knows what it changed`);
}
