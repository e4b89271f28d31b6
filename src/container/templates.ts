/** What is done with templates: they are imported, looked at, verified, and removed when no container needs them. */
import { readdirSync, renameSync } from 'node:fs';
import { getSettings, parseConfig } from '../config/grammar.js';
import { CellaError } from '../errors.js';
import { ALLOCATION, takeLock } from '../state/lock.js';
import { readText } from '../state/text-file.js';
import { type BuildOptions, buildTemplate } from '../template/build.js';
import { cacheDirectory, findTemplate, listTemplates as namesOf, type Template } from '../template/cache.js';
import { digestLayers } from '../template/digest.js';
import { importTemplate } from '../template/import.js';
import type { ImportOptions } from '../template/import-options.js';
import type { TemplateManifest } from '../template/manifest.js';
import { recipeDirectory } from '../template/recipes.js';
import { lockTemplate, removedName, removeStale } from '../template/staging.js';
import type { Abortable } from './container.js';
import type { Context } from './context.js';

export interface TemplateInfo extends TemplateManifest {
  readonly directory: string;
  /** Containers that are made from it. */
  readonly containers: readonly number[];
}

/** A host's templates, as library users hold them. */
export class Templates {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** From a recipe that comes with the package; aborting leaves nothing of it. */
  async build(recipe: string, options: BuildOptions = {}): Promise<TemplateInfo> {
    return this.#describe(await buildTemplate(recipeDirectory(recipe), directoryOf(this.#context), options));
  }

  /** From a tarball, an OCI layout's directory, or an archive of an image. */
  async import(source: string, options: ImportOptions = {}): Promise<TemplateInfo> {
    return this.#describe(await importTemplate(source, directoryOf(this.#context), options));
  }

  /** Those whose manifests can be read; one broken template shall not hide the others. */
  async list(): Promise<readonly TemplateInfo[]> {
    const directory = directoryOf(this.#context);
    const uses = usesOf(this.#context);
    return namesOf(directory).flatMap((name) => {
      try {
        return [describe(findTemplate(directory, name), uses)];
      } catch (error) {
        if (!(error instanceof CellaError)) throw error;
        this.#context.report({ type: 'warning', ctid: undefined, message: error.message });
        return [];
      }
    });
  }

  async info(name: string): Promise<TemplateInfo> {
    return this.#describe(findTemplate(directoryOf(this.#context), name));
  }

  /** Refused while a container is made from it. */
  remove(name: string, { signal }: Abortable = {}): Promise<void> {
    return removeTemplate(this.#context, name, signal);
  }

  /** Fails unless the template's files are what they were when it was made. */
  verify(name: string, { signal }: Abortable = {}): Promise<void> {
    return verifyTemplate(this.#context, name, signal);
  }

  #describe(template: Template): TemplateInfo {
    return describe(template, usesOf(this.#context));
  }
}

async function removeTemplate(context: Context, name: string, signal?: AbortSignal): Promise<void> {
  const templateDir = directoryOf(context);
  // Not looked into: one whose manifest is broken can be removed too.
  if (!namesOf(templateDir).includes(name)) findTemplate(templateDir, name);
  using _template = await lockTemplate(templateDir, name, { verb: 'remove', signal });
  // Before it too: an older one that a kill left must not come back in its place.
  await removeStale(cacheDirectory(templateDir), name);
  await setAside(context, name, signal);
  await removeStale(cacheDirectory(templateDir), name);
}

/** With the lock held that creating a container takes: none comes to use it meanwhile. */
async function setAside(context: Context, name: string, signal: AbortSignal | undefined): Promise<void> {
  const directory = context.paths.at(context.hostConfig().lockDir);
  using _ids = await takeLock({ directory, name: ALLOCATION, verb: 'remove template', signal });
  const users = usesOf(context).get(name) ?? [];
  if (users.length > 0) {
    const which = `container${users.length > 1 ? 's' : ''} ${users.join(', ')}`;
    throw new CellaError('LOCKED', `template '${name}' is used by ${which}`, {
      hint: 'Destroy what is made from a template before the template.',
    });
  }
  renameSync(`${cacheDirectory(directoryOf(context))}/${name}`, removedName(directoryOf(context), name));
}

async function verifyTemplate(context: Context, name: string, signal?: AbortSignal): Promise<void> {
  const template = findTemplate(directoryOf(context), name);
  const stated = template.manifest.digest;
  if (stated === null) throw new CellaError('SYSTEM', `template '${name}' was made without a digest`);
  const { digest } = await digestLayers(template.layers, signal);
  if (digest !== stated)
    throw new CellaError('SYSTEM', `template '${name}' was changed: its digest is ${digest}, not ${stated}`);
}

function directoryOf(context: Context): string {
  return context.paths.at(context.hostConfig().template);
}

function describe(
  { directory, manifest }: Template,
  uses: ReadonlyMap<string, readonly number[]>,
): TemplateInfo {
  return { ...manifest, directory, containers: uses.get(manifest.name) ?? [] };
}

/**
 * Containers by their template, those being made too. From the files themselves: a container whose config is broken
 * elsewhere still needs its template.
 */
function usesOf(context: Context): ReadonlyMap<string, readonly number[]> {
  const uses = new Map<string, number[]>();
  for (const file of readdirSync(context.paths.configDir)) {
    const ctid = /^\.?([1-9]\d*)\.conf(?:\.creating)?$/.exec(file)?.[1];
    if (ctid === undefined) continue;
    const settings = getSettings(parseConfig(readText(`${context.paths.configDir}/${file}`) ?? ''));
    const template = settings.get('OSTEMPLATE')?.value;
    if (template !== undefined) uses.set(template, [...(uses.get(template) ?? []), Number(ctid)]);
  }
  for (const ctids of uses.values()) ctids.sort((a, b) => a - b);
  return uses;
}
