/** setup: makes a host ready, once: directories, vz.conf, samples, the built-in template. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOST_CONFIG_TEXT, SAMPLES } from '../config/samples.js';
import { systemdUnit } from '../config/systemd-unit.js';
import { run } from '../host/run.js';
import { lowLimits, raiseLimits, SYSCTL_FILE, sysctlText } from '../host/shared-limits.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { buildTemplate } from '../template/build.js';
import { recipeDirectory } from '../template/recipes.js';
import type { Context } from './context.js';

/** What is there already stays as it is. Returns a line for each thing made. */
export async function setup(context: Context): Promise<readonly string[]> {
  const { paths } = context;
  const made: string[] = [];
  for (const directory of [
    paths.configDir,
    paths.namesDir,
    paths.at('/run'),
    paths.runDir,
    paths.at('/var/log'),
  ]) {
    mkdirSync(directory, { recursive: true, mode: directory === paths.runDir ? 0o700 : 0o755 });
  }
  const write = (path: string, text: string): void => {
    if (existsSync(path)) return;
    writeFileAtomic(path, text, { durable: true });
    made.push(`Wrote ${path}`);
  };
  write(paths.hostConfig, HOST_CONFIG_TEXT);
  for (const [name, text] of Object.entries(SAMPLES)) write(paths.sample(name), text);
  if (paths.rootDir === '' && context.hostConfig().raisesLimits) {
    // One that is high enough already may be set by another file, which ours is not to lower.
    const low = lowLimits();
    mkdirSync(dirname(SYSCTL_FILE), { recursive: true });
    if (low.length > 0) write(SYSCTL_FILE, sysctlText(low));
    made.push(...raiseLimits().map(({ name, value }) => `Raised ${name} to ${value}`));
  }
  const unit = '/etc/systemd/system/cella-node.service';
  if (paths.rootDir === '' && existsSync('/run/systemd/system')) {
    const isNew = !existsSync(unit);
    write(unit, serviceUnit(context));
    if (isNew) await run(['systemctl', 'daemon-reload']);
  }
  const templates = paths.at(context.hostConfig().template);
  if (!existsSync(`${templates}/cache/busybox`)) {
    const template = await buildTemplate(recipeDirectory('busybox'), templates);
    made.push(`Built template ${template.name} in ${template.directory}`);
  }
  return made;
}

/** The systemd unit of the node service. */
export function serviceUnit({ paths }: Context): string {
  const script = fileURLToPath(new URL('../bin/cella.cjs', import.meta.url));
  return systemdUnit({ node: process.execPath, script, rootDir: paths.rootDir });
}
