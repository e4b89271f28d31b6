/** Building a template from its recipe: its build.sh, then its files. */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { machine } from 'node:os';
import { fileURLToPath } from 'node:url';
import { run } from '../host/run.js';
import type { Template } from './cache.js';
import { digestLayers } from './digest.js';
import { oneLine, parseRecipe } from './manifest.js';
import { stageTemplate } from './staging.js';

/** A recipe that comes with the package. */
export function recipeDirectory(name: string): string {
  return fileURLToPath(new URL(`../../images/${name}`, import.meta.url));
}

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
  const { signal } = options;
  return stageTemplate({ templateDir, name: stated.name, verb: 'build', signal }, async (staging) => {
    const rootfs = `${staging}/rootfs`;
    const source = await fill(rootfs, recipe, options);
    return {
      ...stated,
      arch: machine(),
      built: new Date().toISOString(),
      source: source || stated.name,
      layers: ['rootfs'],
      packages: {},
      command: null,
      ...(await digestLayers([rootfs], signal)),
    };
  });
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
  return oneLine(line);
}
