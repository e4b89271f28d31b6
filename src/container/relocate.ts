/** move to another directory: a stopped container's private area, with its snapshots, on this or another file system. */
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatConfig, parseConfig, updateConfig } from '../config/grammar.js';
import { parsePath } from '../config/values.js';
import { CellaError } from '../errors.js';
import { requireStore } from '../host/storage/index.js';
import { canRename } from '../host/storage/rename.js';
import { copyStates } from '../host/storage/states.js';
import { syncFileSystem } from '../host/sync.js';
import { readSnapshots, usedNodes, writeSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { areaOf, prepareParent, storeOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { fillFrom } from './convert.js';
import { settleLinks } from './links.js';
import { expectNoArea } from './make.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';
import { replaceArea } from './replace-area.js';
import { expectNoViews } from './snapshot-mount.js';
import { expectNotSuspended } from './suspended.js';

export interface RelocateOptions {
  /** The new private area, which does not exist; may contain `$VEID`. */
  readonly privateArea: string;
  readonly signal?: AbortSignal | undefined;
}

export async function relocate(
  context: Context,
  ctid: Ctid,
  { privateArea, signal }: RelocateOptions,
): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'move', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  expectStopped(context, ctid);
  expectNotSuspended(context, ctid);
  expectUnmounted(config);
  expectNoViews(context, ctid);
  parsePath(privateArea, String(ctid));
  const path = context.paths.config(ctid);
  const text = formatConfig(
    updateConfig(parseConfig(readText(path) ?? ''), new Map([['VE_PRIVATE', privateArea]])),
  );
  const next = context.readContainer(ctid, text, path);
  expectNoArea(next);
  if (`${next.privateArea}/`.startsWith(`${config.privateArea}/`))
    throw new CellaError('BAD_VALUE', `'${next.privateArea}' is within the private area itself`);
  const parent = prepareParent(next);
  if (next.layout.store !== 'auto') requireStore(next.layout.store, parent);
  const renamed = canRename(config.privateArea, next.privateArea);
  await replaceArea(context, {
    config,
    text,
    ...(renamed ? {} : { fill: filling(context, config, signal) }),
  });
}

type Fill = (staged: ContainerConfig) => Promise<void>;

/** What shares blocks on btrfs does not leave its file system. */
function filling(context: Context, config: ContainerConfig, signal: AbortSignal | undefined): Fill {
  const tree = readSnapshots(config.privateArea);
  if (config.layout.store !== 'btrfs') return (staged) => copyAll(context, config, staged);
  if (tree.snapshots.length === 0) return (staged) => fillFrom(context, config, staged, signal);
  throw new CellaError(
    'CREATE_FAILED',
    `container ${config.ctid} has snapshots, which stay on their btrfs file system`,
    { hint: `Delete them first: see vzctl snapshot-list ${config.ctid}` },
  );
}

/** Snapshots too: every node, under its own name. */
async function copyAll(context: Context, config: ContainerConfig, staged: ContainerConfig): Promise<void> {
  await settleLinks(context, config);
  const tree = readSnapshots(config.privateArea);
  const { node } = tree.current.chain;
  const below = [...usedNodes(tree)].filter((other) => other !== node);
  await storeOf(config).copy(
    { path: config.privateArea, chain: { node, below } },
    { ...areaOf(context, staged), node },
  );
  await copyStates(config.privateArea, staged.privateArea);
  writeSnapshots(staged.privateArea, tree);
  await syncFileSystem(staged.privateArea);
}
