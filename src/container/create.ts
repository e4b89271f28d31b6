/** create: a private area and a config, or nothing. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ContainerConfig } from '../config/container-config.js';
import { type Ctid, isReserved, parseCtid } from '../config/ctid.js';
import { formatConfig, getSettings, parseConfig, updateConfig } from '../config/grammar.js';
import { formatLayout, type Layout } from '../config/layout.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { chooseStore, removeArea, requireStore } from '../host/storage/index.js';
import { allocateRange, hostRanges, type IdRange, overlaps } from '../host/subordinate-ids.js';
import { ID_COUNT } from '../plan/plan-start.js';
import { syncDirectory, writeFileAtomic } from '../state/atomic-file.js';
import { ALLOCATION, takeLock } from '../state/lock.js';
import { readText } from '../state/text-file.js';
import { withUndo } from '../undo.js';
import { areaOf, storeOf } from './area.js';
import { type Context, layersOf, lockContainer, templateOf } from './context.js';
import { linkName } from './names.js';
import { recover, stagingArea } from './recover.js';

export interface CreateOptions {
  readonly ostemplate?: string;
  /** Name of a sample config, as "vswap-256m". */
  readonly sample?: string;
  /** Config keys to set, checked. */
  readonly changes: ReadonlyMap<string, string>;
  /** First id of the container's range; 0: privileged, without a user namespace. Default: allocated. */
  readonly localUid?: number;
  readonly signal?: AbortSignal;
}

export async function create(
  context: Context,
  ctid: Ctid,
  options: CreateOptions,
): Promise<{ readonly privileged: boolean }> {
  if (isReserved(ctid)) {
    throw new CellaError('BAD_VALUE', `container ids up to 100 are reserved, not ${ctid}`, {
      hint: 'Choose an id from 101 on.',
    });
  }
  using _lock = await lockContainer(context, ctid, 'create', options.signal);
  await recover(context, ctid);
  const { paths } = context;
  if (existsSync(paths.config(ctid)))
    throw new CellaError('PRIVATE_EXISTS', `container ${ctid} exists already`);

  const hostConfig = context.hostConfig();
  const sample = options.sample ?? hostConfig.defaultSample;
  using _ids = await takeLock({
    directory: paths.at(hostConfig.lockDir),
    name: ALLOCATION,
    verb: 'create',
    signal: options.signal,
  });
  // With the lock that whoever removes a template takes as well.
  const template = templateOf(context, options.ostemplate ?? hostConfig.defaultTemplate).name;
  const range = chooseRange(context, options.localUid);
  const text = compose(
    context,
    sample,
    new Map([
      ['OSTEMPLATE', template],
      ['ORIGIN_SAMPLE', sample],
      ...options.changes,
      ['LOCAL_UID', String(range)],
      ['LOCAL_GID', String(range)],
    ]),
  );
  const wished = context.readContainer(ctid, text, paths.config(ctid));
  if (existsSync(wished.privateArea))
    throw new CellaError('PRIVATE_EXISTS', `private area '${wished.privateArea}' exists already`);
  const layout = chooseLayout(wished);
  const settled = formatConfig(
    updateConfig(parseConfig(text), new Map([['VE_LAYOUT', formatLayout(layout)]])),
  );
  await makeFiles(context, { ...wished, layout }, settled);
  return { privileged: range === 0 };
}

function compose(context: Context, sample: string, settings: ReadonlyMap<string, string>): string {
  const text = readText(context.paths.sample(sample));
  if (text === undefined)
    throw new CellaError('NO_CONFIG', `sample '${sample}' does not exist`, {
      hint: `Look at ${context.paths.configDir} for samples.`,
    });
  return formatConfig(updateConfig(parseConfig(text), settings));
}

/** What holds the private area is settled once: a file system may learn to do more later. */
function chooseLayout({ privateArea, layout, disk }: ContainerConfig): Layout {
  const parent = dirname(privateArea);
  // 0755 is for `upper`, which the container sees as "/"; this keeps host users out.
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  if (layout.store === 'auto') return { ...layout, store: chooseStore(parent, disk) };
  requireStore(layout.store, parent);
  return layout;
}

/** The config names what is made before it is made, and counts only once it all is there. */
async function makeFiles(context: Context, config: ContainerConfig, text: string): Promise<void> {
  const { paths } = context;
  const { ctid, privateArea } = config;
  const staging = stagingArea(privateArea);
  await withUndo(async (undo) => {
    undo.push('write config', () => rmSync(paths.creating(ctid), { force: true }));
    writeFileAtomic(paths.creating(ctid), text, { durable: true });
    faultPoint('create.intent');
    undo.push('make private area', () => removeArea(staging));
    const area = { ...areaOf(context, config), path: staging };
    await storeOf(config).create(area);
    if (config.layout.tree === 'plain') await storeOf(config).fill(area, onlyLayer(context, config));
    faultPoint('create.staged');
    renameSync(staging, privateArea);
    undo.push('name private area', () => removeArea(privateArea));
    faultPoint('create.private');
    if (config.name !== undefined) {
      const name = config.name;
      linkName(context, ctid, name);
      undo.push('name container', () => rmSync(`${paths.namesDir}/${name}`, { force: true }));
    }
    renameSync(paths.creating(ctid), paths.config(ctid));
    syncDirectory(paths.configDir);
    rmSync(`${paths.config(ctid)}.destroyed`, { force: true });
    faultPoint('create.done');
  });
}

/** What a full copy is made of. */
function onlyLayer(context: Context, config: ContainerConfig): string {
  const [layer, ...more] = layersOf(context, config);
  if (layer !== undefined && more.length === 0) return layer;
  throw new CellaError(
    'CREATE_FAILED',
    `template '${config.template}' has several layers, which only an overlay can take`,
    {
      hint: 'Use the layout overlay.',
    },
  );
}

function chooseRange(context: Context, wanted: number | undefined): number {
  if (wanted === 0) return 0;
  const taken = [...hostRanges(), ...containerRanges(context)];
  if (wanted === undefined) return allocateRange(taken, ID_COUNT);
  if (taken.some((range) => overlaps(range, { start: wanted, count: ID_COUNT }))) {
    throw new CellaError('BAD_VALUE', `user ids ${wanted} to ${wanted + ID_COUNT - 1} are in use`, {
      hint: 'Leave --local_uid out to have a free range chosen.',
    });
  }
  return wanted;
}

/** Of every container, those being made too. */
function containerRanges(context: Context): readonly IdRange[] {
  return readdirSync(context.paths.configDir)
    .filter((file) => /^(\d+\.conf|\.\d+\.conf\.creating)$/.test(file))
    .map((file) => getSettings(parseConfig(readText(`${context.paths.configDir}/${file}`) ?? '')))
    .flatMap((settings) => ['LOCAL_UID', 'LOCAL_GID'].map((key) => Number(settings.get(key)?.value ?? 0)))
    .filter((start) => Number.isInteger(start) && start > 0)
    .map((start) => ({ start, count: ID_COUNT }));
}

/** Every container that has a config, by number. */
export function listCtids(context: Context): readonly Ctid[] {
  return readdirSync(context.paths.configDir)
    .flatMap((file) => /^([1-9]\d*)\.conf$/.exec(file)?.[1] ?? [])
    .map((text) => parseCtid(text))
    .sort((a, b) => a - b);
}
