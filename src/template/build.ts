/** Building a template from its recipe: in a directory aside, then into the cache by one rename. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { machine } from 'node:os';
import { fileURLToPath } from 'node:url';
import { run } from '../host/run.js';
import { takeLock } from '../state/lock.js';
import { type Undo, withUndo } from '../undo.js';
import { cacheDirectory, findTemplate, type Template } from './cache.js';
import { parseRecipe, type TemplateManifest } from './manifest.js';

/** A recipe that comes with the package. */
export function recipeDirectory(name: string): string {
  return fileURLToPath(new URL(`../../images/${name}`, import.meta.url));
}

/** What is told only of templates that have it. */
const BARE = { layers: ['rootfs'], packages: {}, size: 0, files: 0, digest: null, command: null } as const;

export interface BuildOptions {
  readonly signal?: AbortSignal;
}

/** Builds what `recipe`/template.json names; an older template of that name is replaced once it is done. */
export async function buildTemplate(
  recipe: string,
  templateDir: string,
  options: BuildOptions = {},
): Promise<Template> {
  const path = `${recipe}/template.json`;
  const stated = parseRecipe(readFileSync(path, 'utf8'), path);
  const { name } = stated;
  const cache = cacheDirectory(templateDir);
  // Root's alone: setuid programs of a template are no business of the host's users.
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  using _lock = await takeLock({ directory: `${cache}/.lock`, name, verb: 'build', signal: options.signal });
  await removeStale(cache, name);
  await withUndo(async (undo) => {
    const staging = mkdtempSync(`${cache}/.${name}.`);
    undo.push('stage template', () => rm(staging, { recursive: true, force: true }));
    const source = await fill(`${staging}/rootfs`, recipe, options);
    const manifest: TemplateManifest = {
      ...stated,
      arch: machine(),
      built: new Date().toISOString(),
      source: source || name,
      ...BARE,
    };
    writeFileSync(`${staging}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    options.signal?.throwIfAborted();
    await replace(`${cache}/${name}`, staging, undo);
  });
  return findTemplate(templateDir, name);
}

/** What build.sh says on its standard output is what it built from; returns the first line. */
async function fill(rootfs: string, recipe: string, options: BuildOptions): Promise<string> {
  mkdirSync(rootfs);
  // mkdir(2) would take the umask into account.
  chmodSync(rootfs, 0o755);
  const { stdout } = await run(['sh', `${recipe}/build.sh`, rootfs], options);
  const files = `${recipe}/files`;
  if (existsSync(files)) cpSync(files, rootfs, { recursive: true, verbatimSymlinks: true });
  const [line = ''] = stdout.split('\n');
  return line
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 128);
}

async function replace(target: string, staging: string, undo: Undo): Promise<void> {
  const old = `${staging}.old`;
  const replaces = existsSync(target);
  if (replaces) {
    renameSync(target, old);
    undo.push('set old template aside', () => renameSync(old, target));
  }
  renameSync(staging, target);
  undo.disarm();
  if (replaces) await rm(old, { recursive: true, force: true });
}

/** What builds that were cut short left behind: with the lock held, nobody else builds this template. */
async function removeStale(cache: string, name: string): Promise<void> {
  const prefix = `.${name}.`;
  for (const entry of readdirSync(cache)) {
    // The rest as mkdtemp(3) makes it, so that `.a.b.XXXXXX` is not taken for one of template `a`.
    const isStale = entry.startsWith(prefix) && /^[A-Za-z0-9]{6}(\.old)?$/.test(entry.slice(prefix.length));
    if (isStale) await rm(`${cache}/${entry}`, { recursive: true, force: true });
  }
}
