/** The recipes that come with the package: a directory each, with template.json, build.sh and files/. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CellaError } from '../errors.js';
import { isTemplateName } from './manifest.js';

const IMAGES = fileURLToPath(new URL('../../images', import.meta.url));

export function listRecipes(): readonly string[] {
  return readdirSync(IMAGES)
    .filter((name) => existsSync(`${IMAGES}/${name}/template.json`))
    .sort();
}

export function recipeDirectory(name: string): string {
  if (isTemplateName(name) && existsSync(`${IMAGES}/${name}/template.json`)) return `${IMAGES}/${name}`;
  throw new CellaError('TEMPLATE_NOT_FOUND', `there is no recipe '${name.slice(0, 64)}'`, {
    hint: `Choose one of these: ${listRecipes().join(', ')}.`,
  });
}
