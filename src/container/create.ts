/** create: a private area and a config, or nothing. */
import { existsSync, readdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { type Ctid, isReserved, parseCtid } from '../config/ctid.js';
import { applyEdits, type Edits } from '../config/edits.js';
import { formatConfig, parseConfig, updateConfig } from '../config/grammar.js';
import { formatLayout, type Layout } from '../config/layout.js';
import { CellaError } from '../errors.js';
import { chooseStore, requireStore } from '../host/storage/index.js';
import { readText } from '../state/text-file.js';
import { runCreateScript } from './action-files.js';
import { prepareParent, storeOf } from './area.js';
import { type Context, layersOf, lockContainer, templateOf } from './context.js';
import { expectHonoured } from './honour.js';
import { chooseRange, expectNoArea, lockAllocation, makeFiles } from './make.js';
import { recover } from './recover.js';
import { warnOfEquipment, warnOfNoEffect } from './set.js';

export interface CreateOptions {
  readonly ostemplate?: string;
  /** Name of a sample config, as "vswap-256m". */
  readonly sample?: string;
  /** Config keys to set, checked. */
  readonly changes: Edits;
  /** First id of the container's range; 0: privileged, without a user namespace. Default: allocated. */
  readonly localUid?: number;
  readonly signal?: AbortSignal;
}

export async function create(
  context: Context,
  ctid: Ctid,
  options: CreateOptions,
): Promise<{ readonly privileged: boolean }> {
  using _lock = await lockContainer(context, ctid, 'create', options.signal);
  await recover(context, ctid);
  expectFree(context, ctid);
  return await createLocked(context, ctid, { ...options, withScript: true });
}

/** With the container's lock held, of an id that is free. */
export async function createLocked(
  context: Context,
  ctid: Ctid,
  options: CreateOptions & { readonly withScript?: boolean },
): Promise<{ readonly privileged: boolean }> {
  const { paths } = context;
  const hostConfig = context.hostConfig();
  const sample = options.sample ?? hostConfig.defaultSample;
  using _ids = await lockAllocation(context, 'create', options.signal);
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
  expectNoArea(wished);
  expectHonoured(context, wished, options.changes.keys());
  const layout = chooseLayout(wished);
  const settled = formatConfig(
    updateConfig(parseConfig(text), new Map([['VE_LAYOUT', formatLayout(layout)]])),
  );
  const config = { ...wished, layout };
  await makeFiles(context, config, {
    text: settled,
    made: options.withScript ? () => runCreateScript(context, config, options.signal) : undefined,
    fill: async (area) => {
      await storeOf(config).create(area);
      if (layout.tree === 'plain') await storeOf(config).fill(area, onlyLayer(context, config));
    },
  });
  warnOfNoEffect(context, ctid, options.changes);
  warnOfEquipment(context, config);
  return { privileged: range === 0 };
}

/** Whether a container may get this id. */
export function expectFree({ paths }: Context, ctid: Ctid): void {
  if (isReserved(ctid)) {
    throw new CellaError('BAD_VALUE', `container ids up to 100 are reserved, not ${ctid}`, {
      hint: 'Choose an id from 101 on.',
    });
  }
  if (existsSync(paths.config(ctid)))
    throw new CellaError('PRIVATE_EXISTS', `container ${ctid} exists already`);
}

function compose(context: Context, sample: string, settings: Edits): string {
  const text = readText(context.paths.sample(sample));
  if (text === undefined)
    throw new CellaError('NO_CONFIG', `sample '${sample}' does not exist`, {
      hint: `Look at ${context.paths.configDir} for samples.`,
    });
  return formatConfig(applyEdits(parseConfig(text), settings));
}

/** What holds the private area is settled once: a file system may learn to do more later. */
function chooseLayout(config: ContainerConfig): Layout {
  const { layout, disk } = config;
  const parent = prepareParent(config);
  if (layout.store === 'auto') return { ...layout, store: chooseStore(parent, disk) };
  requireStore(layout.store, parent);
  return layout;
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

/** Every container that has a config, by number. */
export function listCtids(context: Context): readonly Ctid[] {
  return readdirSync(context.paths.configDir)
    .flatMap((file) => /^([1-9]\d*)\.conf$/.exec(file)?.[1] ?? [])
    .map((text) => parseCtid(text))
    .sort((a, b) => a - b);
}
