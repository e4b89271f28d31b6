/** mount and umount: the container's root at VE_ROOT, without running anything. */
import { existsSync, mkdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { mountRoot } from '../host/launcher.js';
import { isMounted, umountAll, umountTree } from '../host/mounts.js';
import { planMount } from '../plan/plan-root.js';
import { withUndo } from '../undo.js';
import { Actions } from './actions.js';
import { areaOf, contentsOf, storeOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { expectStopped, recover } from './recover.js';

export async function mount(context: Context, ctid: Ctid, signal?: AbortSignal): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'mount', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  if (isMounted(config.root)) throw new CellaError('ALREADY_MOUNTED', `container ${ctid} is mounted already`);
  const layers = contentsOf(context, config);
  await prepareRoot(context, config);
  const actions = Actions.find(context, config);
  await withUndo(async (undo) => {
    if (actions) undo.push('note the scripts', () => actions.forget());
    await actions?.run('premount', { signal, undo });
    undo.push('mount root', () => umountTree(config.root));
    await mountRoot(planMount(config, layers));
    await actions?.run('mount', { signal, undo });
  });
  actions?.settle();
  context.report({ type: 'mounted', ctid });
  faultPoint('mount.done');
}

export async function umount(context: Context, ctid: Ctid, signal?: AbortSignal): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'umount', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  expectStopped(context, ctid);
  if (!isMounted(config.root)) throw new CellaError('NOT_MOUNTED', `container ${ctid} is not mounted`);
  const failure = await umountWithActions(context, config, signal);
  context.report({ type: 'unmounted', ctid });
  if (failure) throw failure;
}

/** Where a script for that fails, it stays mounted; one for what comes behind that does not bring it back. */
async function umountWithActions(
  context: Context,
  config: ContainerConfig,
  signal: AbortSignal | undefined,
): Promise<CellaError | undefined> {
  const actions = Actions.find(context, config);
  if (!actions) {
    await umountAll(config.root);
    return undefined;
  }
  try {
    await actions.run('umount', { signal });
    await umountTree(config.root);
  } catch (error) {
    actions.settle();
    throw error;
  }
  const failure = await actions.runDown('postumount');
  actions.forget();
  return failure;
}

/** The mount point, in a directory that host users cannot enter, and what is to be mounted there. */
export async function prepareRoot(context: Context, config: ContainerConfig): Promise<void> {
  if (!existsSync(config.privateArea)) {
    throw new CellaError(
      'NO_PRIVATE',
      `private area '${config.privateArea}' of container ${config.ctid} is missing`,
    );
  }
  mkdirSync(config.root, { recursive: true, mode: 0o700 });
  await storeOf(config).prepare(areaOf(context, config));
}
