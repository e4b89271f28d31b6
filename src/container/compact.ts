/** compact: blocks that a container's disk image holds and its file system does not use go back to the host. */
import { existsSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { mountRoot } from '../host/launcher.js';
import { umountAll } from '../host/mounts.js';
import { trimImage } from '../host/storage/resize.js';
import { IMAGE_NAME } from '../plan/image.js';
import { planMount } from '../plan/plan-root.js';
import { contentsOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { prepareRoot } from './mount.js';
import { recover } from './recover.js';

/** Running, mounted or neither; returns bytes that the host got back. */
export async function compact(context: Context, ctid: Ctid, signal?: AbortSignal): Promise<number> {
  using _lock = await lockContainer(context, ctid, 'compact', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  if (config.layout.store !== 'image')
    throw new CellaError('IMAGE_FAILED', `container ${ctid} is in no disk image: it holds no unused blocks`);
  const path = `${config.privateArea}/${IMAGE_NAME}`;
  if (!existsSync(path)) return 0;
  const trimmed = await trimImage(path);
  if (trimmed !== undefined) return trimmed;
  // In use it has a device; no other program has to be asked for one.
  await prepareRoot(context, config);
  await mountRoot(planMount(config, contentsOf(context, config)));
  try {
    return (await trimImage(path)) ?? 0;
  } finally {
    await umountAll(config.root);
  }
}
