/** Disk images of virtual machines: one becomes a template, a container becomes one. */
import { statSync } from 'node:fs';
import { machine } from 'node:os';
import { basename } from 'node:path';
import type { Ctid } from '../config/ctid.js';
import { type ExportedDisk, type ExportOptions, exportDisk } from '../disk/export.js';
import { type ImportedDisk, type ImportOptions, importDisk } from '../disk/import.js';
import { CellaError } from '../errors.js';
import { IMAGE_NAME, inNode } from '../plan/image.js';
import type { Template } from '../template/cache.js';
import { digestLayers } from '../template/digest.js';
import { guessInit } from '../template/init.js';
import { isTemplateName, oneLine, type TemplateManifest } from '../template/manifest.js';
import { stageTemplate } from '../template/staging.js';
import { contentsOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { prepareRoot } from './mount.js';
import { expectStopped, expectUnmounted, recover } from './recover.js';
import { claimTemplate } from './template-use.js';

export interface ImportDiskOptions extends ImportOptions {
  /** Name of the template. */
  readonly template: string;
}

export interface DiskTemplate extends ImportedDisk {
  readonly template: Template;
}

interface Import {
  readonly name: string;
  readonly file: string;
  readonly rootfs: string;
  readonly signal: AbortSignal | undefined;
}

/** Makes a template of the system on a disk; an older one of that name is replaced. */
export async function importDiskTemplate(
  context: Context,
  file: string,
  { template: name, ...options }: ImportDiskOptions,
): Promise<DiskTemplate> {
  const shown = name.slice(0, 64);
  if (!isTemplateName(name)) throw new CellaError('BAD_VALUE', `'${shown}' is not a name of a template`);
  if (!statSync(file, { throwIfNoEntry: false }))
    throw new CellaError('BAD_VALUE', `disk image '${file}' does not exist`);
  const templateDir = context.paths.at(context.hostConfig().template);
  let imported: ImportedDisk | undefined;
  const claim = (claimed: string): Promise<Disposable> => claimTemplate(context, claimed, options.signal);
  const request = { templateDir, name, verb: 'import', claim, signal: options.signal } as const;
  const template = await stageTemplate(request, async (staging) => {
    const rootfs = `${staging}/rootfs`;
    imported = await importDisk(file, rootfs, options);
    return manifestOf({ name, file, rootfs, signal: options.signal }, imported);
  });
  if (!imported) throw new CellaError('CREATE_FAILED', `template '${name}' was not made`);
  return { ...imported, template };
}

async function manifestOf(
  { name, file, rootfs, signal }: Import,
  { system, format }: ImportedDisk,
): Promise<TemplateManifest> {
  return {
    version: 1,
    name,
    description: system,
    ...(guessInit([rootfs]) ?? { init: ['/sbin/init'], stopSignal: 'SIGPWR', ready: [] }),
    arch: machine(),
    built: new Date().toISOString(),
    source: oneLine(`disk image ${basename(file)} (${format})`),
    layers: ['rootfs'],
    packages: {},
    command: null,
    ...(await digestLayers([rootfs], signal)),
  };
}

/** Of one that does not run: a file system is only whole while nothing writes to it. */
export async function exportContainerDisk(
  context: Context,
  ctid: Ctid,
  file: string,
  options: Omit<ExportOptions, 'area'>,
): Promise<ExportedDisk> {
  using _lock = await lockContainer(context, ctid, 'export', options.signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  expectStopped(context, ctid);
  await prepareRoot(context, config);
  const inImage = config.layout.store === 'image';
  if (inImage) expectUnmounted(config);
  const own = inImage ? '' : `${config.privateArea}/`;
  const { node, below, template } = contentsOf(context, config);
  const name = config.layout.tree === 'plain' ? 'root' : 'upper';
  const layers: readonly [string, ...string[]] = [
    own + inNode(node, name),
    ...below.map((at) => own + inNode(at, name)),
    ...template,
  ];
  const area = inImage ? `${config.privateArea}/${IMAGE_NAME}` : undefined;
  return await exportDisk(layers, file, { ...options, area });
}
