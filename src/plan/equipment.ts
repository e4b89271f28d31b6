/** Devices and directories of the host in a container: which steps give them to it, at its start or while it runs. */
import type { BindMount } from '../config/bindmounts.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { FeatureName } from '../config/switches.js';
import { CellaError } from '../errors.js';
import { type DeviceAccess, withDefaults } from './device-policy.js';
import type { AfterStep, BindStep, IdMap, InsideStep } from './launch-plan.js';

/** A node below /dev that the container gets, for a device of the host. */
export interface GivenNode {
  /** Below /dev, as `net/tun`. */
  readonly name: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Of the node, which belongs to the container's root. */
  readonly permissions: number;
}

/** What of the host a container uses beyond the usual: found out by looking at the host. */
export interface Given {
  readonly nodes: readonly GivenNode[];
  /** Beyond the usual devices. */
  readonly access: readonly DeviceAccess[];
  /** Network interfaces. */
  readonly interfaces: readonly string[];
  readonly binds: readonly BindMount[];
}

export const NOTHING: Given = { nodes: [], access: [], interfaces: [], binds: [] };

/** Devices that a feature stands for: their numbers are the same everywhere (devices.txt of Linux). */
export const FEATURE_NODES: Partial<Readonly<Record<FeatureName, GivenNode>>> = {
  fuse: { name: 'fuse', type: 'c', major: 10, minor: 229, permissions: 0o666 },
  tun: { name: 'net/tun', type: 'c', major: 10, minor: 200, permissions: 0o666 },
  ppp: { name: 'ppp', type: 'c', major: 108, minor: 0, permissions: 0o600 },
};

export function accessOf({ access }: Given): readonly DeviceAccess[] {
  return withDefaults(access);
}

export interface Giving {
  readonly nodes: readonly GivenNode[];
  readonly binds: readonly BindMount[];
}

export interface Receiver {
  readonly config: Pick<ContainerConfig, 'root' | 'privateArea'>;
  readonly ids: IdMap | null;
  /** Whose user namespace: the launch's own child, or a running init's process id. */
  readonly process: 'child' | number;
  /** The first slot that is free. */
  readonly slot: number;
}

interface Steps {
  readonly after: readonly AfterStep[];
  readonly inside: readonly InsideStep[];
}

/** As many as the launcher's slots, less those of the usual devices and of what `planView` gives. */
const MOST = 48;

export function planGiving({ nodes, binds }: Giving, receiver: Receiver): Steps {
  if (nodes.length + binds.length > MOST)
    throw new CellaError('BAD_VALUE', `more than ${MOST} devices and bind mounts`);
  // What lies in another one's target comes later.
  const ordered = binds.toSorted((a, b) => (a.target < b.target ? -1 : 1));
  const firstBind = receiver.slot + nodes.length;
  return {
    after: [
      ...planNodes(nodes, receiver),
      ...ordered.map((bind, i) => planBind(bind, receiver, firstBind + i)),
    ],
    inside: [
      ...nodes.map(({ name }, i) => attach(`/dev/${name}`, receiver.slot + i)),
      ...ordered.map(({ target }, i) => attach(target, firstBind + i)),
    ],
  };
}

/** The same bind mounts at places of the host, from where CRIU gives them to a container again. */
export function planHeld(
  binds: readonly BindMount[],
  config: Receiver['config'],
  ids: IdMap | null,
  places: readonly string[],
): readonly AfterStep[] {
  const receiver: Receiver = { config, ids, process: 'child', slot: 1 };
  return binds.map((bind, i) => ({ ...planBind(bind, receiver, i + 1), target: places[i] ?? '' }));
}

/** Where bind mounts without a source are, which no snapshot, clone or backup has. */
export function ownMounts(privateArea: string): string {
  return `${privateArea}/mnt`;
}

function attach(path: string, slot: number): InsideStep {
  return { op: 'attach', path, slot, directory: 'either' };
}

function planNodes(nodes: readonly GivenNode[], { config, ids, slot }: Receiver): readonly AfterStep[] {
  if (nodes.length === 0) return [];
  const owner = { uid: ids?.uid ?? 0, gid: ids?.gid ?? 0 };
  return [
    {
      op: 'nodes',
      target: config.root,
      nodes: nodes.map(({ name: _, ...node }, i) => ({ slot: slot + i, ...node, ...owner })),
    },
  ];
}

function planBind(
  { source, target, flags }: BindMount,
  { config, ids, process }: Receiver,
  slot: number,
): BindStep {
  if (target === '/') throw new CellaError('BAD_VALUE', "a bind mount's target cannot be '/'");
  return {
    op: 'bind',
    slot,
    base: source === undefined ? ownMounts(config.privateArea) : null,
    path: source ?? target,
    // Devices are given by name, never by what lies in a directory.
    flags: [...new Set([...flags, 'nodev' as const])],
    ids: ids === null ? null : process,
  };
}
