/** Config and host facts → the plan of a start. Pure: the same input gives the same plan anywhere. */
import type { ContainerConfig } from '../config/container-config.js';
import type { CgroupPlan } from './cgroup.js';
import { handOver, planCgroup, planDevices } from './cgroup.js';
import { type Command, planCommand, planFirst } from './command.js';
import { type Confinement, confinementOf, planConfinement } from './confinement.js';
import { limitMounts, limitProcesses } from './counts.js';
import type { DeviceAccess } from './device-policy.js';
import { accessOf, type Given, type Giving, NOTHING, planGiving } from './equipment.js';
import type { HostFacts } from './host-facts.js';
import { type Chain, IMAGE_NAME, imageOptions, inNode } from './image.js';
import type { AfterStep, IdMap, ImageStep, InsideStep, LaunchPlan } from './launch-plan.js';
import { freeSlot, planMounts, planSources } from './rootfs.js';

export type { HostFacts } from './host-facts.js';

export interface StartPlan extends LaunchPlan {
  readonly ctid: number;
  readonly cgroup: CgroupPlan;
  readonly confinement: Confinement;
  /** What of the host it gets; its interfaces are moved once it has a network namespace. */
  readonly given: Given;
  readonly checkpointable: boolean;
  /** Reasons, as phrases. */
  readonly whyNotCheckpointable: readonly string[];
}

export const ID_COUNT = 65_536;

/** Searched in this order, as the kernel and vzctl do. */
const INIT_PATHS = ['/sbin/init', '/etc/init', '/bin/init'] as const;

const INIT_ENV = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'container=cella',
  // systemd would watch its own memory.pressure, whose trigger does not survive a restore.
  'MEMORY_PRESSURE_WATCH=/dev/null',
] as const;

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

/** Nothing of a container: a process that ends it when this one is gone. */
export const GUARD: LaunchPlan = {
  mode: 'guard',
  namespaces: [],
  ids: null,
  outside: [],
  after: [],
  inside: [],
};

/** Nothing of a container: the process that is every init's parent and keeps the consoles. */
export const KEEPER: LaunchPlan = { ...GUARD, mode: 'keep' };

export function planMount(config: ContainerConfig, layers: Layers): LaunchPlan {
  const ids = idMapOf(config);
  return { ...MOUNT, namespaces: ids ? ['user'] : [], ids, after: planRoot(config, layers) };
}

const MOUNT: LaunchPlan = {
  mode: 'mount',
  namespaces: [],
  ids: null,
  outside: [],
  after: [],
  inside: [],
};

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

/**
 * The slow one while the launcher mounts; and a cgroup namespace begins where its maker is, which for clone3 is the
 * launcher's own group.
 */
const UNSHARE: InsideStep = { op: 'unshare', namespaces: ['cgroup', 'net'] };

const INIT: InsideStep = { op: 'exec', paths: INIT_PATHS, argv: ['init'], env: INIT_ENV };

export interface StartOptions {
  readonly layers: Layers;
  /** Instead of init: runs with the standard descriptors that it is given. */
  readonly command?: Command;
  /** The root is at VE_ROOT by then, with what scripts have mounted below it. */
  readonly mounted?: boolean;
  /** What of the host it gets beyond the usual; default: nothing. */
  readonly given?: Given;
  /** What it writes need not outlive its first run. */
  readonly volatile?: boolean;
  /** A pty at /dev/console and as init's standard descriptors. Absent: no /dev/console, the null device. */
  readonly console?: boolean;
}

export function planStart(config: ContainerConfig, facts: HostFacts, options: StartOptions): StartPlan {
  const ids = idMapOf(config);
  const privileged = ids === null;
  const cgroup = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  const { given = NOTHING } = options;
  const confinement = confinementOf(config);
  const giving = planGiving(given, { config, ids, process: 'child', slot: freeSlot(cgroup.v2) });
  // Root in a user namespace can open nothing but the nodes that it is given.
  const isLimited = privileged || given.access.length > 0;
  const whyNotCheckpointable = obstacles(confinement, given);
  const root = options.mounted
    ? [{ op: 'tree', path: config.root } as const]
    : planRoot(config, options.layers, options.volatile);
  // What keeps the container from devices of the host keeps the launcher from an image's, once it has joined.
  const isEarly = ({ op }: { op: string }): boolean => op === 'image' && cgroup.devices?.version === 1;
  return {
    mode: 'launch',
    ctid: config.ctid,
    cgroup,
    confinement,
    given,
    checkpointable: whyNotCheckpointable.length === 0,
    whyNotCheckpointable,
    namespaces: [...(ids ? (['user'] as const) : []), 'mount', 'pid', 'ipc', 'uts'],
    ids,
    outside: [
      ...cgroup.make,
      ...(ids && cgroup.v2 !== null ? [handOver(cgroup.v2, ids)] : []),
      ...planDevices(cgroup.devices, isLimited ? accessOf(given) : null),
      ...(confinement.time ? [{ op: 'clocks' } as const] : []),
      ...root.filter((step): step is ImageStep => isEarly(step)),
      ...cgroup.join,
    ],
    after: [
      ...cgroup.limits,
      ...planSources(cgroup.v2, privileged),
      ...giving.after,
      ...root.filter((step) => !isEarly(step)),
    ],
    inside: [
      // What needs no mounts goes first: the launcher is still making them.
      UNSHARE,
      { op: 'loopback' },
      { op: 'hostname', name: config.hostname ?? `CT${config.ctid}` },
      { op: 'root', path: config.root },
      { op: 'become' },
      ...limitMounts(planMounts({ cgroup: cgroup.v2, privileged, nesting: confinement.nesting }), config),
      ...giving.inside,
      ...(options.console ? [{ op: 'console', path: '/dev/console' } as const] : []),
      { op: 'pivot' },
      ...(options.command || options.console ? [] : [{ op: 'null' } as const]),
      ...limitProcesses(planConfinement(facts, privileged, confinement), config.counts),
      ...(options.command ? planFirst(options.command) : [INIT]),
    ],
  };
}

/** Why a container of these cannot be checkpointed. */
export function obstacles({ nesting }: Confinement, { nodes, interfaces }: Given): readonly string[] {
  return [
    ...(nesting ? ['containers may run in it (features nesting:on)'] : []),
    ...nodes.map(({ name }) => `it uses the device '/dev/${name}' of this host`),
    ...interfaces.map((name) => `it has the network interface '${name}' of this host`),
  ];
}

export interface EnterOptions {
  /** How the container was confined when it started. */
  readonly confinement: Confinement;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: boolean;
}

/** A command in a running container; confined as its init is. */
export function planEnter(config: ContainerConfig, facts: HostFacts, options: EnterOptions): LaunchPlan {
  const ids = idMapOf(config);
  const { confinement } = options;
  const { enter } = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  return {
    mode: 'enter',
    namespaces: [
      ...(ids ? (['user'] as const) : []),
      ...(confinement.time ? (['time'] as const) : []),
      ...(['mount', 'pid', 'net', 'ipc', 'uts'] as const),
    ],
    ids: null,
    outside: enter,
    after: [],
    inside: [
      { op: 'become' },
      ...(options.terminal ? [{ op: 'terminal' } as const] : []),
      ...limitProcesses(planConfinement(facts, ids === null, confinement), config.counts),
      { op: 'chdir', path: '/' },
      planCommand(options.argv, options.env),
    ],
  };
}

export interface Change {
  readonly add: Giving;
  /** Paths in the container. */
  readonly remove: readonly string[];
  /** What it may do with devices from now on; null: as before. */
  readonly access: readonly DeviceAccess[] | null;
}

/** Gives a running container devices and directories of the host, or takes them away. `init`: its process id. */
export function planChange(
  config: ContainerConfig,
  facts: HostFacts,
  init: number,
  { add, remove, access }: Change,
): LaunchPlan {
  const ids = idMapOf(config);
  const { devices } = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  const giving = planGiving(add, { config, ids, process: init, slot: 1 });
  return {
    mode: 'enter',
    namespaces: [...(ids ? (['user'] as const) : []), 'mount'],
    ids: null,
    outside: devices?.version === 2 ? planDevices(devices, access) : [],
    after: giving.after,
    inside: [
      { op: 'become' },
      ...remove.map((path) => ({ op: 'detach', path }) as const),
      ...giving.inside,
      { op: 'done' },
    ],
  };
}
