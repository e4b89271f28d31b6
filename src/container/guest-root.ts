/** A container's root for the host to change files in: where it is mounted, or mounted for that alone. */
import { mkdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { GuestFiles } from '../host/guest-files.js';
import { mountRoot } from '../host/launcher.js';
import { isMounted } from '../host/mounts.js';
import { idMapOf, planMount } from '../plan/plan-root.js';
import { contentsOf, releaseContents } from './area.js';
import type { Context } from './context.js';
import { prepareRoot } from './mount.js';

/** In the mount at VE_ROOT, or another one of the same. */
export function guestFiles(config: ContainerConfig, root = config.root): GuestFiles {
  const { uid, gid } = idMapOf(config) ?? { uid: 0, gid: 0 };
  return new GuestFiles({ ctid: config.ctid, root, ids: { uid, gid } });
}

/** With the container's lock held. Nothing runs in the guest for that; recover() unmounts what a killed one left. */
export async function withGuestFiles<T>(
  context: Context,
  config: ContainerConfig,
  work: (files: GuestFiles) => Promise<T>,
): Promise<T> {
  if (isMounted(config.root)) return work(guestFiles(config));
  await prepareRoot(context, config);
  const root = `${context.paths.contents(config.ctid)}/root`;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  try {
    await mountRoot(planMount({ ...config, root }, contentsOf(context, config)));
    return await work(guestFiles(config, root));
  } finally {
    await releaseContents(context, config.ctid);
  }
}
