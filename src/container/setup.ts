/** setup: makes a host ready, once: directories, vz.conf, samples, the built-in template. */
import { existsSync, mkdirSync } from 'node:fs';
import { HOST_CONFIG_TEXT, SAMPLES } from '../config/samples.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { buildTemplate } from '../template/build.js';
import { recipeDirectory } from '../template/recipes.js';
import type { Context } from './context.js';

/** What is there already stays as it is. Returns a line for each thing made. */
export async function setup(context: Context): Promise<readonly string[]> {
  const { paths } = context;
  const made: string[] = [];
  for (const directory of [paths.configDir, paths.namesDir, paths.runDir, paths.at('/var/log')]) {
    mkdirSync(directory, { recursive: true, mode: directory === paths.runDir ? 0o700 : 0o755 });
  }
  const write = (path: string, text: string): void => {
    if (existsSync(path)) return;
    writeFileAtomic(path, text, { durable: true });
    made.push(`Wrote ${path}`);
  };
  write(paths.hostConfig, HOST_CONFIG_TEXT);
  for (const [name, text] of Object.entries(SAMPLES)) write(paths.sample(name), text);
  const templates = paths.at(context.hostConfig().template);
  if (!existsSync(`${templates}/cache/busybox`)) {
    const template = await buildTemplate(recipeDirectory('busybox'), templates);
    made.push(`Built template ${template.name} in ${template.directory}`);
  }
  return made;
}
