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
  facts(): HostFacts;
}

export function openContext(rootDir: string | undefined): Context {
  const paths = openPaths(rootDir);
  let facts: HostFacts | undefined;
  const hostFile = (): ConfigFile => {
    const text = readOptional(paths.hostConfig);
    if (text === undefined) {
      throw new CellaError('NO_GLOBAL_CONFIG', `'${paths.hostConfig}' does not exist`, {
        hint: 'Run "cella setup".',
      });
    }
    return parseConfig(text);
  };
  return {
    paths,
    hostFile,
    hostConfig: () => readHostConfig(hostFile(), paths.hostConfig),
    facts: () => {
      facts ??= gatherFacts(paths);
      return facts;
    },
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
  const names = { host: context.paths.hostConfig, container: path };
  return moved(context, readContainerConfig(ctid, context.hostFile(), parseConfig(text), names));
}

export function moved(context: Context, config: ContainerConfig): ContainerConfig {
  return {
    ...config,
    root: context.paths.at(config.root),
    privateArea: context.paths.at(config.privateArea),
  };
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
