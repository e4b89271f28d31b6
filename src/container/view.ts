/** What a container sees of itself in /proc: given at its start, changed while it runs, and again after lxcfs has ended. */
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { enter, NO_STDIO } from '../host/launcher.js';
import { findLxcfs, type Lxcfs, viewMounts } from '../host/lxcfs.js';
import { ProcessHandle } from '../host/processes.js';
import { confinementOf } from '../plan/confinement.js';
import { NOTHING } from '../plan/equipment.js';
import { planChange } from '../plan/plan-start.js';
import { VIEWED } from '../plan/view.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { findInit } from './recover.js';

/** Where it is, if it runs. */
export function lxcfsOf({ paths, hostConfig }: Context): string {
  return paths.at(hostConfig().lxcfs);
}

/** Undefined: what the kernel tells. A /proc with other files in front cannot be mounted by those that run inside it. */
export async function viewOf(
  context: Context,
  config: ContainerConfig,
  find: () => Promise<Lxcfs | undefined> = () => findLxcfs(lxcfsOf(context)),
): Promise<Lxcfs | undefined> {
  return config.procView && !confinementOf(config).nesting ? find() : undefined;
}

/** Gives a running container what it is to see by now, where that is not what it sees; returns whether it was not. */
export async function applyView(
  context: Context,
  config: ContainerConfig,
  init: ProcessHandle,
  find?: () => Promise<Lxcfs | undefined>,
): Promise<boolean> {
  const view = await viewOf(context, config, find);
  const wanted = view?.names.map((name) => `/${name}`) ?? [];
  // A guest may have mounted what calls itself so anywhere else.
  const present = viewMounts(init.pid).filter(({ target }) => VIEWED.some((name) => target === `/${name}`));
  const isGood = ({ target, device }: (typeof present)[number]): boolean =>
    device === view?.device && wanted.includes(target);
  const remove = present.filter((mount) => !isGood(mount)).map(({ target }) => target);
  const there = present.filter(isGood).map(({ target }) => target);
  const names = view?.names.filter((name) => !there.includes(`/${name}`)) ?? [];
  if (remove.length === 0 && names.length === 0) return false;
  const change = { add: NOTHING, view: view && { ...view, names }, remove, access: null };
  const born = await enter(planChange(config, context.facts(), init.pid, change), NO_STDIO, init);
  using helper = new ProcessHandle(born.pid, born.pidfd);
  await helper.wait();
  return true;
}

/** The same under its lock, for whoever has none and knows what there is to see; nothing where it does not run. */
export async function refreshView(context: Context, ctid: Ctid, found: Lxcfs | undefined): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'set');
  using init = findInit(context, ctid);
  if (init) await applyView(context, loadConfig(context, ctid), init, async () => found);
}
