/** import: a container of a config of OpenVZ's, with the files of an archive or from its template. */
import { basename } from 'node:path';
import { planWhole } from '../backup/compare.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { isName } from '../config/ctid.js';
import { formatConfig, getSettings, parseConfig, updateConfig } from '../config/grammar.js';
import { type Changed, type ImportedConfig, importConfig, importedStore } from '../config/imported-config.js';
import { formatLayout, type Layout } from '../config/layout.js';
import { faultPoint } from '../fault.js';
import { type Area, chooseStore, openStore } from '../host/storage/index.js';
import { syncFileSystem } from '../host/sync.js';
import { FIRST, inNode } from '../plan/image.js';
import { readSource, type SourceArchive, unpackSource } from '../template/source-archive.js';
import { prepareParent, storeOf, withArea } from './area.js';
import { type Context, hasTemplate, layersOf, lockContainer } from './context.js';
import { expectFree } from './create.js';
import { chooseRange, expectNoArea, lockAllocation, makeFiles } from './make.js';
import { findName } from './names.js';
import { recover } from './recover.js';
import { openChain, writeFiles } from './restore-files.js';

export interface ImportOptions {
  /** A tarball of its private area, OpenVZ's vzdump, or a backup of ours; default: made from its template. */
  readonly archive?: string | undefined;
  /** First id of the container's range; 0: privileged. Default: allocated. */
  readonly localUid?: number | undefined;
  /** Only says what would become of the config. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Imported extends Omit<ImportedConfig, 'text'> {
  readonly ctid: Ctid;
  readonly privileged: boolean;
}

/** `text`: of the config. */
export async function importContainer(
  context: Context,
  ctid: Ctid,
  text: string,
  options: ImportOptions = {},
): Promise<Imported> {
  const { signal } = options;
  const archive = options.archive === undefined ? undefined : await readSource(options.archive, signal);
  using _lock = await lockContainer(context, ctid, 'import', signal);
  await recover(context, ctid);
  expectFree(context, ctid);
  using ids = await lockAllocation(context, 'import', signal);
  const range = chooseRange(context, options.localUid);
  const settled = settle(context, ctid, text, { range, isFromArchive: archive !== undefined });
  if (!options.dryRun)
    await makeFiles(context, settled.config, {
      text: settled.imported.text,
      fill: async (area) => {
        // By now a file says that the ids are taken: nobody else has to wait for the copy.
        if (archive) ids.release();
        await fill(context, { config: settled.config, area, archive }, signal);
      },
    });
  const { used, ignored, changed } = settled.imported;
  return { ctid, privileged: range === 0, used, ignored, changed };
}

interface Settled {
  readonly imported: ImportedConfig;
  readonly config: ContainerConfig;
}

function settle(
  context: Context,
  ctid: Ctid,
  text: string,
  { range, isFromArchive }: { readonly range: number; readonly isFromArchive: boolean },
): Settled {
  const path = context.paths.config(ctid);
  const imported = importConfig(text, {
    hasTemplate: (name) => !isFromArchive || hasTemplate(context, name),
    isNameTaken: (name) => isName(name) && (findName(context, name) ?? ctid) !== ctid,
  });
  const file = parseConfig(imported.text);
  const ids = new Map([
    ['LOCAL_UID', String(range)],
    ['LOCAL_GID', String(range)],
  ]);
  const without = updateConfig(file, new Map([...ids, ['VE_LAYOUT', null]]));
  const wished = context.readContainer(ctid, formatConfig(without), path);
  expectNoArea(wished);
  const old = getSettings(file).get('VE_LAYOUT')?.value;
  const layout = chooseLayout(wished, { old, tree: isFromArchive ? 'plain' : 'overlay' });
  const written = formatConfig(updateConfig(file, new Map([...ids, ['VE_LAYOUT', formatLayout(layout)]])));
  // Without an archive its template has to be here.
  if (!isFromArchive) layersOf(context, wished);
  return {
    imported: { ...imported, text: written, ...reportLayout(imported, old, formatLayout(layout)) },
    config: { ...context.readContainer(ctid, written, path), layout },
  };
}

function chooseLayout(
  config: ContainerConfig,
  { old, tree }: { readonly old: string | undefined; readonly tree: Layout['tree'] },
): Layout {
  const parent = prepareParent(config);
  const store = importedStore(old);
  const kept = store !== 'auto' && openStore(store).lack(parent) === undefined;
  return { tree, store: kept ? store : chooseStore(parent, config.disk) };
}

function reportLayout(
  { used, changed }: ImportedConfig,
  from: string | undefined,
  to: string,
): Pick<ImportedConfig, 'used' | 'changed'> {
  if (from === to) return { used, changed };
  const reason = 'what holds it is one of the layouts of this host';
  const change: Changed = { key: 'VE_LAYOUT', from: from ?? null, to, reason };
  return { used: used.filter(({ key }) => key !== 'VE_LAYOUT'), changed: [...changed, change] };
}

interface Job {
  readonly config: ContainerConfig;
  readonly area: Area;
  readonly archive: SourceArchive | undefined;
}

async function fill(
  context: Context,
  { config, area, archive }: Job,
  signal: AbortSignal | undefined,
): Promise<void> {
  await storeOf(config).create(area);
  if (!archive) return;
  faultPoint('import.created');
  await withArea(context, { ...config, privateArea: area.path }, async (at) => {
    const root = `${at}/${inNode(FIRST.node, 'root')}`;
    if (archive.kind === 'backup') await unpackBackup(archive.file, root, signal);
    else await unpackSource(archive, root, signal);
    faultPoint('import.unpacked');
    await syncFileSystem(at);
  });
}

async function unpackBackup(file: string, root: string, signal: AbortSignal | undefined): Promise<void> {
  await using chain = await openChain(file, signal);
  await writeFiles(root, chain, { signal, plan: planWhole(chain.newest.head.index) });
}

/** The id in the name of a config; undefined: it has another name. */
export function ctidIn(file: string): number | undefined {
  const id = /^([1-9]\d{0,9})\.conf/.exec(basename(file))?.[1];
  return id === undefined ? undefined : Number(id);
}
