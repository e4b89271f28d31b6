/** Config and host facts → the plan of a start. Pure: the same input gives the same plan anywhere. */
import type { BindMount } from '../config/bindmounts.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { CgroupPlan } from './cgroup.js';
import { handOver, planCgroup, planDevices } from './cgroup.js';
import { type Command, planCommand, planFirst } from './command.js';
import { type Confinement, confinementOf, planConfinement } from './confinement.js';
import { limitMounts, limitProcesses } from './counts.js';
import type { DeviceAccess } from './device-policy.js';
import { accessOf, type Given, type Giving, NOTHING, planGiving, planHeld } from './equipment.js';
import type { HostFacts } from './host-facts.js';
import type { AfterStep, ImageStep, InsideStep, LaunchPlan } from './launch-plan.js';
import { idMapOf, type Layers, planRoot } from './plan-root.js';
import { freeSlot, planMounts, planSources } from './rootfs.js';
import { planView, type View } from './view.js';

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

/** Searched in this order, as the kernel and vzctl do. */
const INIT_PATHS = ['/sbin/init', '/etc/init', '/bin/init'] as const;

const INIT_ENV = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'container=cella',
  // systemd would watch its own memory.pressure, whose trigger does not survive a restore.
  'MEMORY_PRESSURE_WATCH=/dev/null',
] as const;

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

/** Nothing of a container: a program of the host, whose descriptor 3 is a socket to us. */
export function planProgram(argv: readonly string[], env: readonly string[]): LaunchPlan {
  return { ...GUARD, mode: 'program', inside: [{ op: 'exec', paths: argv.slice(0, 1), argv, env }] };
}

/**
 * The slow one while the launcher mounts; and a cgroup namespace begins where its maker is, which for clone3 is the
 * launcher's own group.
 */
const UNSHARE: InsideStep = { op: 'unshare', namespaces: ['cgroup', 'net'] };

const MERGE: InsideStep = { op: 'merge' };

const INIT: InsideStep = { op: 'exec', paths: INIT_PATHS, argv: ['init'], env: INIT_ENV };

export interface StartOptions {
  readonly layers: Layers;
  /** Instead of init: runs with the standard descriptors that it is given. */
  readonly command?: Command;
  /** The root is at VE_ROOT by then, with what scripts have mounted below it. */
  readonly mounted?: boolean;
  /** What of the host it gets beyond the usual; default: nothing. */
  readonly given?: Given;
  /** What it sees of itself in /proc; default: what the kernel tells of the host. */
  readonly view?: View | undefined;
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
  const slot = freeSlot(cgroup.v2);
  const giving = planGiving(given, { config, ids, process: 'child', slot });
  const view = planView(options.view, slot + given.nodes.length + given.binds.length);
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
      ...view.after,
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
      ...view.inside,
      ...(options.console ? [{ op: 'console', path: '/dev/console' } as const] : []),
      { op: 'pivot' },
      ...(options.command || options.console ? [] : [{ op: 'null' } as const]),
      ...(config.ksm ? [MERGE] : []),
      ...limitProcesses(planConfinement(facts, privileged, confinement), config.counts),
      ...(options.command ? planFirst(options.command) : [INIT]),
    ],
  };
}

/** Its bind mounts, and where the host has each. */
interface Held {
  readonly binds: readonly BindMount[];
  readonly places: readonly string[];
}

/** All of a container but its processes: its control groups with its limits, and its root at VE_ROOT. */
export function planPlace(
  config: ContainerConfig,
  facts: HostFacts,
  layers: Layers,
  held: Held = { binds: [], places: [] },
): LaunchPlan & { readonly cgroup: CgroupPlan } {
  const ids = idMapOf(config);
  const cgroup = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  return {
    mode: 'mount',
    cgroup,
    namespaces: ids ? ['user'] : [],
    ids,
    outside: [
      ...cgroup.make,
      ...(ids && cgroup.v2 !== null ? [handOver(cgroup.v2, ids)] : []),
      ...planDevices(cgroup.devices, ids === null ? accessOf(NOTHING) : null),
    ],
    // CRIU makes the container's own root of this one, with its flags.
    after: [
      ...cgroup.limits,
      ...planHeld(held.binds, config, ids, held.places),
      ...planRoot(config, layers).map(allowSetuid),
    ],
    inside: [],
  };
}

function allowSetuid(step: AfterStep): AfterStep {
  return step.op === 'overlay' ? { ...step, setuid: true } : step;
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
      ...(config.ksm ? [MERGE] : []),
      ...limitProcesses(planConfinement(facts, ids === null, confinement), config.counts),
      { op: 'chdir', path: '/' },
      planCommand(options.argv, options.env),
    ],
  };
}

export interface Change {
  readonly add: Giving;
  readonly view?: View | undefined;
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
  { add, view, remove, access }: Change,
): LaunchPlan {
  const ids = idMapOf(config);
  const { devices } = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  const giving = planGiving(add, { config, ids, process: init, slot: 1 });
  const viewing = planView(view, 1 + add.nodes.length + add.binds.length);
  return {
    mode: 'enter',
    namespaces: [...(ids ? (['user'] as const) : []), 'mount'],
    ids: null,
    outside: devices?.version === 2 ? planDevices(devices, access) : [],
    after: [...giving.after, ...viewing.after],
    inside: [
      { op: 'become' },
      ...remove.map((path) => ({ op: 'detach', path }) as const),
      ...giving.inside,
      ...viewing.inside,
      { op: 'done' },
    ],
  };
}
