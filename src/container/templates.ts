/** What is done with templates: they are imported, looked at, verified, and removed when no container needs them. */
import { renameSync } from 'node:fs';
import { CellaError } from '../errors.js';
import { type BuildOptions, buildTemplate } from '../template/build.js';
import { cacheDirectory, findTemplate, listTemplates as namesOf, type Template } from '../template/cache.js';
import { digestLayers } from '../template/digest.js';
import { importTemplate } from '../template/import.js';
import type { ImportOptions } from '../template/import-options.js';
import type { TemplateManifest } from '../template/manifest.js';
import { recipeDirectory } from '../template/recipes.js';
import { type Claim, lockTemplate, removedName, removeStale } from '../template/staging.js';
import type { Abortable } from './container.js';
import type { Context } from './context.js';
import { claimTemplate, usesOf } from './template-use.js';

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
    return this.#describe(
      await buildTemplate(recipeDirectory(recipe), directoryOf(this.#context), this.#claiming(options)),
    );
  }

  /** From a tarball, an OCI layout's directory, or an archive of an image. */
  async import(source: string, options: ImportOptions = {}): Promise<TemplateInfo> {
    return this.#describe(await importTemplate(source, directoryOf(this.#context), this.#claiming(options)));
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

  #claiming<T extends { readonly signal?: AbortSignal | undefined }>(
    options: T,
  ): T & { readonly claim: Claim } {
    return { ...options, claim: (name) => claimTemplate(this.#context, name, options.signal) };
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

async function setAside(context: Context, name: string, signal: AbortSignal | undefined): Promise<void> {
  using _claim = await claimTemplate(context, name, signal);
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
