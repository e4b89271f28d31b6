/** What every verb works with: where things are, what the host is, and how a container's config is read. */
import { readFileSync } from 'node:fs';
import {
  type ContainerConfig,
  type HostConfig,
  readContainerConfig,
  readHostConfig,
} from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { type ConfigFile, parseConfig } from '../config/grammar.js';
import { CellaError, isErrno } from '../errors.js';
import { probeCgroups } from '../host/cgroup/index.js';
import { readMounts } from '../host/mounts.js';
import type { HostFacts } from '../plan/plan-start.js';
import { type Lock, takeLock } from '../state/lock.js';
import { openPaths, type Paths } from '../state/paths.js';
import { findTemplate, type Template } from '../template/cache.js';

export interface Context {
  readonly paths: Paths;
  hostFile(): ConfigFile;
  hostConfig(): HostConfig;
  /** A container's config with every path moved under the root directory; `path` is for complaints. */
  readContainer(ctid: Ctid, text: string, path: string): ContainerConfig;
  facts(): HostFacts;
}

export function openContext(rootDir: string | undefined): Context {
  const paths = openPaths(rootDir);
  let facts: HostFacts | undefined;
  const parseHost = remember(parseConfig);
  const readHost = remember((text: string) => readHostConfig(parseHost(text), paths.hostConfig));
  const containers = new Map<string, { text: string; host: ConfigFile; config: ContainerConfig }>();
  const hostText = (): string => {
    const text = readOptional(paths.hostConfig);
    if (text === undefined) {
      throw new CellaError('NO_GLOBAL_CONFIG', `'${paths.hostConfig}' does not exist`, {
        hint: 'Run "cella setup".',
      });
    }
    return text;
  };
  return {
    paths,
    hostFile: () => parseHost(hostText()),
    hostConfig: () => readHost(hostText()),
    readContainer: (ctid, text, path) => {
      const host = parseHost(hostText());
      const last = containers.get(path);
      if (last?.text === text && last.host === host) return last.config;
      const names = { host: paths.hostConfig, container: path };
      const config = moved(paths, readContainerConfig(ctid, host, parseConfig(text), names));
      containers.set(path, { text, host, config });
      return config;
    },
    facts: () => {
      facts ??= gatherFacts(paths);
      return facts;
    },
  };
}

/** The files are read every time, but parsed again only when they have changed. */
function remember<T>(parse: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly value: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, value: parse(text) };
    return last.value;
  };
}

function gatherFacts(paths: Paths): HostFacts {
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new CellaError('UNSUPPORTED_KERNEL', `the ${process.arch} architecture is not supported`);
  }
  return { arch: process.arch, cgroups: probeCgroups(readMounts()), cgroupParent: paths.cgroupParent };
}

export function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The container's config, with every path moved under the root directory. */
export function loadConfig(context: Context, ctid: Ctid): ContainerConfig {
  const path = context.paths.config(ctid);
  const text = readOptional(path);
  if (text === undefined) throw new CellaError('NO_CONFIG', `container ${ctid} does not exist`);
  return context.readContainer(ctid, text, path);
}

function moved(paths: Paths, config: ContainerConfig): ContainerConfig {
  return { ...config, root: paths.at(config.root), privateArea: paths.at(config.privateArea) };
}

export function templateOf(context: Context, name: string): Template {
  return findTemplate(context.paths.at(context.hostConfig().template), name);
}

/** The template's layers for a container's root. */
export function layersOf(context: Context, config: ContainerConfig): readonly string[] {
  if (config.template === undefined)
    throw new CellaError('NO_TEMPLATE_GIVEN', `container ${config.ctid} names no template`);
  return [templateOf(context, config.template).rootfs];
}

export async function lockContainer(
  context: Context,
  ctid: Ctid,
  verb: string,
  signal?: AbortSignal,
): Promise<Lock> {
  const directory = context.paths.at(context.hostConfig().lockDir);
  return takeLock({ directory, name: String(ctid), verb, signal });
}
