/** The root file system of a container, and what else the host mounts of it: plans of mounts alone. Pure. */
import type { ContainerConfig } from '../config/container-config.js';
import { type Chain, IMAGE_NAME, imageOptions, inNode } from './image.js';
import type { AfterStep, IdMap, LaunchPlan } from './launch-plan.js';

export const ID_COUNT = 65_536;

export function isPrivileged(config: ContainerConfig): boolean {
  return config.localUid === 0;
}

export function idMapOf(config: ContainerConfig): IdMap | null {
  if (isPrivileged(config) || config.localUid === undefined) return null;
  return { uid: config.localUid, gid: config.localGid ?? config.localUid, count: ID_COUNT };
}

/** What a root is put together from. */
export interface Layers extends Chain {
  /** The template's, topmost first; none for a plain tree. */
  readonly template: readonly string[];
  /** The loop device that has the area's image already. */
  readonly device?: string | undefined;
}

/** The root file system, at VE_ROOT and for the container. */
export function planRoot(config: ContainerConfig, layers: Layers, isVolatile = false): readonly AfterStep[] {
  const plain = config.layout.tree === 'plain';
  return [
    ...planImage(config, layers.device),
    {
      op: 'overlay',
      target: config.root,
      area: config.privateArea,
      contents: inNode(layers.node, plain ? 'root' : 'upper'),
      work: plain ? null : inNode(layers.node, 'work'),
      lower: plain ? [] : [...layers.below.map((node) => inNode(node, 'upper')), ...layers.template],
      idmapped: idMapOf(config) !== null,
      ...(isVolatile && !plain ? { volatile: true } : {}),
    },
  ];
}

function planImage(
  { layout, privateArea, disk, mountOptions }: ContainerConfig,
  device: string | undefined,
): readonly AfterStep[] {
  if (layout.store !== 'image') return [];
  return [
    {
      op: 'image',
      path: `${privateArea}/${IMAGE_NAME}`,
      ...(device === undefined ? {} : { device }),
      options: imageOptions(disk, mountOptions),
    },
  ];
}

const MOUNT: LaunchPlan = {
  mode: 'mount',
  namespaces: [],
  ids: null,
  outside: [],
  after: [],
  inside: [],
};

export function planMount(config: ContainerConfig, layers: Layers): LaunchPlan {
  const ids = idMapOf(config);
  return { ...MOUNT, namespaces: ids ? ['user'] : [], ids, after: planRoot(config, layers) };
}

/** What a root holds, to be looked at by the host: read-only, with the container's own ids. */
export function planView(config: ContainerConfig, layers: Layers, target: string): LaunchPlan {
  const plain = config.layout.tree === 'plain';
  const lower = [layers.node, ...layers.below].map((node) => inNode(node, 'upper'));
  return {
    ...MOUNT,
    after: [
      ...planImage(config, layers.device),
      {
        op: 'overlay',
        target,
        area: config.privateArea,
        contents: plain ? inNode(layers.node, 'root') : null,
        work: null,
        lower: plain ? [] : [...lower, ...layers.template],
        idmapped: false,
        readOnly: true,
      },
    ],
  };
}

/** A directory of the host, to be looked at: read-only. */
export function planTree(directory: string, target: string): LaunchPlan {
  const step = { op: 'overlay', target, area: directory, contents: '.', work: null, lower: [] } as const;
  return { ...MOUNT, after: [{ ...step, idmapped: false, readOnly: true }] };
}

/** A private area in an image, to be changed by the host. */
export function planArea(config: ContainerConfig, device: string | undefined, target: string): LaunchPlan {
  return {
    ...MOUNT,
    after: [
      ...planImage(config, device),
      {
        op: 'overlay',
        target,
        area: config.privateArea,
        contents: '.',
        work: null,
        lower: [],
        idmapped: false,
      },
    ],
  };
}
