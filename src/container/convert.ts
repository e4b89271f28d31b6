/** convert: what holds a container's files, and whether they are an overlay, becomes something else. */
import { planOnto } from '../backup/compare.js';
import { type TreeIndex, totalSize } from '../backup/tree-index.js';
import { walkTree } from '../backup/walk.js';
import { tarFiles } from '../backup/write.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatConfig, parseConfig, updateConfig } from '../config/grammar.js';
import { formatLayout, type Layout } from '../config/layout.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { copyTree } from '../host/storage/directory.js';
import { requireStore } from '../host/storage/index.js';
import { syncFileSystem } from '../host/sync.js';
import { FIRST, inNode } from '../plan/image.js';
import { readSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { unpackInto } from '../template/unpack.js';
import { areaOf, prepareParent, storeOf, withArea } from './area.js';
import { listTemplate, withContents } from './contents.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { mergeSnapshots } from './merge.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';
import { replaceArea } from './replace-area.js';
import { writeTree } from './restore-files.js';
import { expectNotSuspended } from './suspended.js';

export async function convert(
  context: Context,
  ctid: Ctid,
  { layout: wanted, signal }: { readonly layout: Layout; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'convert', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  expectStopped(context, ctid);
  expectNotSuspended(context, ctid);
  expectUnmounted(config);
  const { store } = wanted;
  if (store === 'auto') throw new CellaError('BAD_VALUE', 'say what is to hold it, as in overlay:image');
  if (wanted.tree === config.layout.tree && store === config.layout.store)
    throw new CellaError(
      'CONVERT_FAILED',
      `container ${ctid} has the layout ${formatLayout(wanted)} already`,
    );
  requireStore(store, prepareParent(config));
  await mergeSnapshots(context, config);
  if (readSnapshots(config.privateArea).snapshots.length > 0)
    throw new CellaError('CONVERT_FAILED', `container ${ctid} has snapshots, which would be lost`, {
      hint: `Delete them first: see vzctl snapshot-list ${ctid}`,
    });
  const text = formatConfig(
    updateConfig(
      parseConfig(readText(context.paths.config(ctid)) ?? ''),
      new Map([['VE_LAYOUT', formatLayout(wanted)]]),
    ),
  );
  await replaceArea(context, { config, text, fill: (staged) => fillFrom(context, config, staged, signal) });
}

/** A new area of any layout is made to show what the container's does. */
export async function fillFrom(
  context: Context,
  config: ContainerConfig,
  staged: ContainerConfig,
  signal?: AbortSignal,
): Promise<void> {
  await storeOf(staged).create({ ...areaOf(context, staged), node: FIRST.node });
  faultPoint('convert.made');
  const template =
    staged.layout.tree === 'overlay'
      ? await withArea(context, staged, () => listTemplate(context, staged, signal))
      : undefined;
  await withContents(context, config, 'suspend', ({ place }) =>
    fill(context, staged, { place, template, signal }),
  );
  signal?.throwIfAborted();
}

interface Filling {
  /** The directory that holds the tree as `root`. */
  readonly place: string;
  /** What an overlay shows without it. */
  readonly template: TreeIndex | undefined;
  readonly signal: AbortSignal | undefined;
}

async function fill(context: Context, staged: ContainerConfig, filling: Filling): Promise<void> {
  const { place, template } = filling;
  await withArea(context, staged, async (at) => {
    if (template) await copyOnto(template, `${at}/${inNode(FIRST.node, 'upper')}`, filling);
    else await copyTree(`${place}/root`, `${at}/${inNode(FIRST.node, 'root')}`);
    await syncFileSystem(at);
  });
}

/** Into the upper directory of an overlay, what makes it show the tree in `place`. */
async function copyOnto(template: TreeIndex, upper: string, { place, signal }: Filling): Promise<void> {
  const { index: tree } = await walkTree(`${place}/root`, { signal });
  const plan = planOnto(tree, template);
  const stored = new Map(
    [...tree].map(([path, entry]) => [path, { ...entry, stored: plan.write.has(path) }] as const),
  );
  const limits = { bytes: totalSize(tree.values()), entries: tree.size };
  await writeTree(upper, plan.hide, async (writer) => {
    await unpackInto(writer, tarFiles(stored, place), { below: 'root', limits, signal });
  });
}
