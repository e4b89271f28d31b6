/** restore: a container of a backup, which may be a stranger's. */
import { planOnto, planWhole } from '../backup/compare.js';
import type { Head } from '../backup/head.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatConfig, getSettings, parseConfig, updateConfig } from '../config/grammar.js';
import { formatLayout, type Layout, parseLayout } from '../config/layout.js';
import { forAnother } from '../config/own-settings.js';
import { CellaError } from '../errors.js';
import type { Area } from '../host/storage/index.js';
import { chooseStore, openStore } from '../host/storage/index.js';
import { syncFileSystem } from '../host/sync.js';
import { FIRST, inNode } from '../plan/image.js';
import { prepareParent, storeOf, withArea } from './area.js';
import { listTemplate } from './contents.js';
import { type Context, lockContainer, templateOf } from './context.js';
import { expectFree } from './create.js';
import { chooseRange, expectNoArea, lockAllocation, makeFiles } from './make.js';
import { recover } from './recover.js';
import { type Chain, type ExtractOptions, writeFiles } from './restore-files.js';

export interface RestoreOptions extends ExtractOptions {
  /** First id of the container's range; 0: privileged. Default: allocated, whatever the backed up one had. */
  readonly localUid?: number | undefined;
}

/** Under the given id, with user ids of its own. */
export async function restore(
  context: Context,
  ctid: Ctid,
  chain: Chain,
  options: RestoreOptions = {},
): Promise<{ readonly privileged: boolean }> {
  const { signal } = options;
  using _lock = await lockContainer(context, ctid, 'restore', signal);
  await recover(context, ctid);
  expectFree(context, ctid);
  using ids = await lockAllocation(context, 'restore', signal);
  const range = chooseRange(context, options.localUid);
  const { head } = chain.newest;
  const { text, config } = settle(context, ctid, head, range);
  const wasPrivileged = getSettings(parseConfig(head.config)).get('LOCAL_UID')?.value === '0';
  if (wasPrivileged && range !== 0)
    warn(
      context,
      ctid,
      'it was privileged, and is not any more; restore it with --local_uid 0 to have it so',
    );
  await makeFiles(context, config, {
    text,
    fill: async (area) => {
      // By now a file says that the ids are taken, and the template: nobody else has to wait for the copy.
      ids.release();
      await storeOf(config).create(area);
      await fill(context, { config, area, chain }, options);
    },
  });
  return { privileged: range === 0 };
}

interface Settled {
  readonly text: string;
  readonly config: ContainerConfig;
}

/** Where it lies, which ids it has, and what holds it is for this host to say; what it is called, for the first one. */
function settle(context: Context, ctid: Ctid, head: Head, range: number): Settled {
  const path = context.paths.config(ctid);
  const own: readonly (readonly [string, string | null])[] = [
    ['VE_ROOT', null],
    ['VE_PRIVATE', null],
    ['LOCAL_UID', String(range)],
    ['LOCAL_GID', String(range)],
  ];
  const saved = parseConfig(head.config);
  const file = updateConfig(ctid === head.manifest.ctid ? saved : forAnother(saved), new Map(own));
  const wished = context.readContainer(
    ctid,
    formatConfig(updateConfig(file, new Map([['VE_LAYOUT', null]]))),
    path,
  );
  expectNoArea(wished);
  const tree = treeOf(context, ctid, head);
  const store = parseLayout(head.manifest.layout).store;
  const parent = prepareParent(wished);
  const kept = store !== 'auto' && openStore(store).lack(parent) === undefined;
  const layout: Layout = { tree, store: kept ? store : chooseStore(parent, wished.disk) };
  const template = tree === 'plain' && !hasTemplate(context, head) ? ([['OSTEMPLATE', null]] as const) : [];
  const text = formatConfig(updateConfig(file, new Map([['VE_LAYOUT', formatLayout(layout)], ...template])));
  return { text, config: { ...context.readContainer(ctid, text, path), layout } };
}

/** An overlay again where the template is what it was; else all of it is in the backup. */
function treeOf(context: Context, ctid: Ctid, { manifest }: Head): Layout['tree'] {
  const { template, layout } = manifest;
  if (parseLayout(layout).tree === 'plain' || !template) return 'plain';
  try {
    if (templateOf(context, template.name).manifest.digest === template.digest) return 'overlay';
    warn(context, ctid, `template ${template.name} is another one by now: it is restored as a full copy`);
  } catch (error) {
    if (!(error instanceof CellaError) || error.code !== 'TEMPLATE_NOT_FOUND') throw error;
    warn(context, ctid, `there is no template ${template.name}: it is restored as a full copy`);
  }
  return 'plain';
}

function hasTemplate(context: Context, { config }: Head): boolean {
  const name = getSettings(parseConfig(config)).get('OSTEMPLATE')?.value;
  try {
    return name !== undefined && templateOf(context, name).name !== '';
  } catch {
    return false;
  }
}

function warn(context: Context, ctid: Ctid, message: string): void {
  context.report({ type: 'warning', ctid, message });
}

interface Job {
  readonly config: ContainerConfig;
  readonly area: Area;
  readonly chain: Chain;
}

async function fill(context: Context, { config, area, chain }: Job, options: RestoreOptions): Promise<void> {
  const staged = { ...config, privateArea: area.path };
  const { index } = chain.newest.head;
  const overlay = config.layout.tree === 'overlay';
  await withArea(context, staged, async (at) => {
    const plan = overlay
      ? planOnto(index, await listTemplate(context, staged, options.signal))
      : planWhole(index);
    await writeFiles(`${at}/${inNode(FIRST.node, overlay ? 'upper' : 'root')}`, chain, { ...options, plan });
    await syncFileSystem(at);
  });
}
