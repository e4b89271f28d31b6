/**
 * Templates that take minutes to build: once per recipe, kept below ~/.cache/cella-templates or in
 * CELLA_TEMPLATE_CACHE. A guest of the VM lane, which can fetch nothing, has them with the project.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { buildTemplate } from '../../src/template/build.js';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const IMAGES = `${REPOSITORY}images`;
/** On the VM lane's project disk. */
export const CARRIED = '.templates';

/** What the VM lane brings along. */
export const RECIPES = ['debian-12', 'debian-13', 'mail', 'docker', 'ssh'] as const;

/** Beside those: the built-in one, and some for tests alone. */
export type Recipe = (typeof RECIPES)[number] | 'busybox' | 'sysvinit' | 'runit';

/** Where recipes are that share what is in `images`. */
const baseOf = (recipe: Recipe): string =>
  existsSync(`${IMAGES}/${recipe}`) ? IMAGES : `${REPOSITORY}test/recipes`;

/** Another machine than this one, to be emulated. */
export type Foreign = 'arm64';

const labelOf = (recipe: Recipe, arch?: Foreign): string => (arch ? `${recipe}-${arch}` : recipe);

export interface Provided {
  readonly name: string;
  readonly directory: string;
}

/** The recipe's name, and another machine's, with a hash of it, and of what recipes share. */
export function templateKey(recipe: Recipe, arch?: Foreign): string {
  const hash = createHash('sha256');
  const shared = readdirSync(IMAGES).filter((name) => name.endsWith('.sh'));
  const base = baseOf(recipe);
  const own = readdirSync(`${base}/${recipe}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(base.length + 1));
  for (const file of [...shared, ...own].sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(`${shared.includes(file) ? IMAGES : base}/${file}`))
      .update('\0');
  return `${labelOf(recipe, arch)}-${hash.digest('hex').slice(0, 16)}`;
}

/** Where the template of this key is, or is to be: a directory as TEMPLATE in vz.conf names one. */
export function templatePlace(key: string): string {
  const carried = `${REPOSITORY}${CARRIED}/${key}`;
  if (existsSync(carried)) return carried;
  const { CELLA_TEMPLATE_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = CELLA_TEMPLATE_CACHE ?? `${XDG_CACHE_HOME ?? `${homedir()}/.cache`}/cella-templates`;
  return `${cache}/${key}`;
}

/** From the cache, or built; older ones of the recipe go once the new one is there. */
export async function provideTemplate(recipe: Recipe, arch?: Foreign): Promise<Provided> {
  const key = templateKey(recipe, arch);
  const place = templatePlace(key);
  const found = findIn(place);
  if (found) return found;
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const { name, directory } = await buildTemplate(`${baseOf(recipe)}/${recipe}`, place, { arch });
  const cache = place.slice(0, -key.length);
  for (const other of readdirSync(cache))
    if (other !== key && other.replace(/-[0-9a-f]{16}$/, '') === labelOf(recipe, arch))
      rmSync(`${cache}${other}`, { recursive: true, force: true });
  return { name, directory };
}

function findIn(place: string): Provided | undefined {
  if (!existsSync(`${place}/cache`)) return undefined;
  const name = readdirSync(`${place}/cache`).find((at) => existsSync(`${place}/cache/${at}/manifest.json`));
  return name === undefined ? undefined : { name, directory: `${place}/cache/${name}` };
}
