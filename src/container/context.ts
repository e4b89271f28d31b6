/** What every verb works with: where things are, what the host is, and how a container's config is read. */
import { machine } from 'node:os';
import { type ContainerConfig, readContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { type ConfigFile, parseConfig } from '../config/grammar.js';
import { type HostConfig, readHostConfig } from '../config/host-config.js';
import { type ListedSettings, readListed } from '../config/listed-settings.js';
import { CellaError } from '../errors.js';
import type { Reporter } from '../events.js';
import { probeCgroups } from '../host/cgroup/index.js';
import { readMounts } from '../host/mounts.js';
import type { HostFacts } from '../plan/plan-start.js';
import { type Lock, takeLock } from '../state/lock.js';
import { openPaths, type Paths } from '../state/paths.js';
import { parsedOnce, readText } from '../state/text-file.js';
import { findTemplate, type Template } from '../template/cache.js';

export interface Context {
  readonly paths: Paths;
  readonly report: Reporter;
  hostFile(): ConfigFile;
  hostConfig(): HostConfig;
  /**
   * A container's config with every path moved under the root directory; `path` is for complaints. `host`: for those who
   * look at many.
   */
  readContainer(ctid: Ctid, text: string, path: string, host?: ConfigFile): ContainerConfig;
  /** The same as the files have it, for those who show it. */
  readListed(text: string, path: string, host?: ConfigFile): ListedSettings;
  facts(): HostFacts;
}

export function openContext(rootDir: string | undefined, report: Reporter = () => undefined): Context {
  const paths = openPaths(rootDir);
  let facts: HostFacts | undefined;
  const parseHost = parsedOnce(parseConfig);
  const readHost = parsedOnce((text, path) => readHostConfig(parseHost(text, path), path));
  const hostText = (): string => {
    const text = readText(paths.hostConfig);
    if (text !== undefined) return text;
    throw new CellaError('NO_GLOBAL_CONFIG', `'${paths.hostConfig}' does not exist`, {
      hint: 'Run "cella setup".',
    });
  };
  const hostFile = (): ConfigFile => parseHost(hostText(), paths.hostConfig);
  const namesOf = (path: string) => ({ host: paths.hostConfig, container: path });
  const configs = readOnce<ContainerConfig>();
  const settings = readOnce<ListedSettings>();
  return {
    paths,
    report,
    hostFile,
    hostConfig: () => readHost(hostText(), paths.hostConfig),
    readContainer: (ctid, text, path, host = hostFile()) =>
      configs({ text, path, host }, (own) =>
        moved(paths, readContainerConfig(ctid, host, own, namesOf(path))),
      ),
    readListed: (text, path, host = hostFile()) =>
      settings({ text, path, host }, (own) => readListed(host, own, namesOf(path))),
    facts: () => {
      facts ??= gatherFacts(paths);
      return facts;
    },
  };
}

/** What a container's file says, read again only for a path whose text is another one, or under another vz.conf. */
function readOnce<T>() {
  const known = new Map<string, { text: string; host: ConfigFile; value: T }>();
  return (
    { text, path, host }: { readonly text: string; readonly path: string; readonly host: ConfigFile },
    read: (own: ConfigFile) => T,
  ): T => {
    const last = known.get(path);
    if (last?.text === text && last.host === host) return last.value;
    const value = read(parseConfig(text));
    known.set(path, { text, host, value });
    return value;
  };
}

function gatherFacts(paths: Paths): HostFacts {
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new CellaError('UNSUPPORTED_KERNEL', `the ${process.arch} architecture is not supported`);
  }
  return { arch: process.arch, cgroups: probeCgroups(readMounts()), cgroupGroup: paths.cgroupGroup };
}

/** The container's config, with every path moved under the root directory. */
export function loadConfig(context: Context, ctid: Ctid): ContainerConfig {
  const path = context.paths.config(ctid);
  const text = readText(path);
  if (text === undefined) throw new CellaError('NO_CONFIG', `container ${ctid} does not exist`);
  return context.readContainer(ctid, text, path);
}

function moved(paths: Paths, config: ContainerConfig): ContainerConfig {
  return { ...config, root: paths.at(config.root), privateArea: paths.at(config.privateArea) };
}

export function templateOf(context: Context, name: string): Template {
  return findTemplate(context.paths.at(context.hostConfig().template), name);
}

/** Whether this host has a sound one of that name. */
export function hasTemplate(context: Context, name: string): boolean {
  try {
    return templateOf(context, name).name !== '';
  } catch (error) {
    if (error instanceof CellaError) return false;
    throw error;
  }
}

/** The host as this container's programs meet it. */
export function factsFor(context: Context, { template }: ContainerConfig): HostFacts {
  const facts = context.facts();
  if (template === undefined || templateOf(context, template).manifest.arch === machine()) return facts;
  return { ...facts, emulated: true };
}

/** The template's layers for a container's root. */
export function layersOf(context: Context, config: ContainerConfig): readonly string[] {
  if (config.template === undefined)
    throw new CellaError('NO_TEMPLATE_GIVEN', `container ${config.ctid} names no template`);
  return templateOf(context, config.template).layers;
}

export async function lockContainer(
  context: Context,
  ctid: Ctid,
  verb: string,
  signal?: AbortSignal,
): Promise<Lock> {
  return takeLock({ directory: lockDirectory(context), name: String(ctid), verb, signal });
}

export function lockDirectory(context: Context): string {
  return context.paths.at(context.hostConfig().lockDir);
}
