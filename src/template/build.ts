/** Building a template from its recipe: in a directory aside, then into the cache by one rename. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run } from '../host/run.js';
import { withUndo } from '../undo.js';
import { cacheDirectory, findTemplate, type Template } from './cache.js';
import { parseManifest } from './manifest.js';

/** A recipe that comes with the package. */
export function recipeDirectory(name: string): string {
  return fileURLToPath(new URL(`../../images/${name}`, import.meta.url));
}

export interface BuildOptions {
  readonly signal?: AbortSignal;
}

export async function buildTemplate(
  recipe: string,
  templateDir: string,
  options: BuildOptions = {},
): Promise<Template> {
  const text = readFileSync(`${recipe}/template.json`, 'utf8');
  const { name } = parseManifest(text, `${recipe}/template.json`);
  const cache = cacheDirectory(templateDir);
  // Root's alone: setuid programs of a template are no business of the host's users.
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const staging = mkdtempSync(`${cache}/.${name}.`);
  await withUndo(async (undo) => {
    undo.push('stage template', () => rm(staging, { recursive: true, force: true }));
    mkdirSync(`${staging}/rootfs`, { mode: 0o755 });
    await run(['sh', `${recipe}/build.sh`, `${staging}/rootfs`], options);
    if (existsSync(`${recipe}/files`)) cpSync(`${recipe}/files`, `${staging}/rootfs`, { recursive: true });
    writeFileSync(`${staging}/manifest.json`, text, { mode: 0o600 });
  });
  await replace(`${cache}/${name}`, staging);
  return findTemplate(templateDir, name);
}

async function replace(target: string, staging: string): Promise<void> {
  const old = `${staging}.old`;
  if (existsSync(target)) renameSync(target, old);
  renameSync(staging, target);
  await rm(old, { recursive: true, force: true });
}
