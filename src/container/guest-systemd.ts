/** A guest whose systemd cannot run on this host's control groups is told apart before it starts. */
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { areaDirectories, inNode } from '../plan/image.js';
import type { Layers } from '../plan/plan-root.js';
import { nodesOf } from '../state/snapshots.js';
import { findInit } from '../template/init.js';
import { systemdVersion } from '../template/systemd.js';
import type { Context } from './context.js';

/**
 * Containers see a v2 hierarchy of their own, as soon as the host has one. systemd takes it from 230 on; which it is can
 * be told from 231 on, the first with its version in a file name. What is in an image is not looked at.
 */
export function expectCgroups(context: Context, config: ContainerConfig, layers: Layers): void {
  const onHost = layersOnHost(config, layers);
  if (findInit(onHost)?.program !== 'systemd') return;
  const fail = (message: string, hint: string): CellaError =>
    new CellaError('UNSUPPORTED_KERNEL', `container ${config.ctid} ${message}`, { hint });
  if (context.facts().cgroups.v2 === null)
    throw fail(
      'runs systemd, which needs a cgroup v2 hierarchy, and this host has none',
      'Mount one, as in: mount -t cgroup2 none /sys/fs/cgroup/unified',
    );
  if (systemdVersion(onHost) === undefined)
    throw fail(
      'runs a systemd older than 231, which knows only cgroup v1',
      'Upgrade it, or use --force to try all the same.',
    );
}

/** What its root is put together from, topmost first, as far as this host can look into it. */
function layersOnHost({ layout, privateArea }: ContainerConfig, layers: Layers): readonly string[] {
  if (layout.store === 'image') return layers.template;
  const [[contents]] = areaDirectories(layout.tree);
  return [...nodesOf(layers).map((node) => `${privateArea}/${inNode(node, contents)}`), ...layers.template];
}
