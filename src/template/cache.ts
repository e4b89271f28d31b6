/** The template cache: a directory each, with a manifest and a root file system that nothing ever writes to. */
import { existsSync, readdirSync } from 'node:fs';
import { CellaError, isErrno } from '../errors.js';
import { parsedOnce, readText } from '../state/text-file.js';
import { isTemplateName, parseManifest, type TemplateManifest } from './manifest.js';

export interface Template {
  readonly name: string;
  readonly directory: string;
  /** Its files, topmost layer first. */
  readonly layers: readonly string[];
  readonly manifest: TemplateManifest;
}

export function cacheDirectory(templateDir: string): string {
  return `${templateDir}/cache`;
}

const readManifest = parsedOnce(parseManifest);

export function findTemplate(templateDir: string, name: string): Template {
  const shown = name.slice(0, 64);
  if (!isTemplateName(name)) throw new CellaError('BAD_VALUE', `'${shown}' is not a name of a template`);
  const directory = `${cacheDirectory(templateDir)}/${name}`;
  const path = `${directory}/manifest.json`;
  const text = readText(path);
  if (text === undefined) {
    const names = listTemplates(templateDir).join(', ');
    const hint = names ? `Choose one of these: ${names}.` : `Run 'cella setup' to build the first template.`;
    throw new CellaError('TEMPLATE_NOT_FOUND', `template '${name}' does not exist`, { hint });
  }
  const manifest = readManifest(text, path);
  return { name, directory, layers: manifest.layers.map((layer) => `${directory}/${layer}`), manifest };
}

/** Names of what is there, in order. */
export function listTemplates(templateDir: string): readonly string[] {
  const cache = cacheDirectory(templateDir);
  try {
    return readdirSync(cache)
      .filter((name) => isTemplateName(name) && existsSync(`${cache}/${name}/manifest.json`))
      .sort();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
