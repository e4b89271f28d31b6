/** Config and host facts → the plan of a start. Pure: the same input gives the same plan anywhere. */
import type { ContainerConfig } from '../config/container-config.js';
import { SYSTEM_CAPABILITIES } from './capabilities.js';
import type { CgroupMounts, CgroupPlan } from './cgroup.js';
import { handOver, planCgroup } from './cgroup.js';
import { type Command, planCommand, planFirst } from './command.js';
import { limitMounts, limitProcesses } from './counts.js';
import { type Chain, IMAGE_NAME, inNode } from './image.js';
import type { AfterStep, IdMap, InsideStep, LaunchPlan } from './launch-plan.js';
import { planMounts, planSources } from './rootfs.js';

/** What planning needs to know of the host, gathered once. */
export interface HostFacts {
  readonly arch: 'x64' | 'arm64';
  readonly cgroups: CgroupMounts;
  /** Which of our control groups this root directory's are, "" for the host's own. */
  readonly cgroupGroup: string;
  /** The container's programs are another machine's. */
  readonly emulated?: boolean;
}

export interface StartPlan extends LaunchPlan {
  readonly ctid: number;
  readonly cgroup: CgroupPlan;
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
  { layout, privateArea, disk }: ContainerConfig,
  device: string | undefined,
): readonly AfterStep[] {
  if (layout.store !== 'image') return [];
  return [
    {
      op: 'image',
      path: `${privateArea}/${IMAGE_NAME}`,
      ...(device === undefined ? {} : { device }),
      userQuotas: disk.userQuotas,
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
  /** What it writes need not outlive its first run. */
  readonly volatile?: boolean;
  /** A pty at /dev/console and as init's standard descriptors. Absent: no /dev/console, the null device. */
  readonly console?: boolean;
}

export function planStart(config: ContainerConfig, facts: HostFacts, options: StartOptions): StartPlan {
  const ids = idMapOf(config);
  const privileged = ids === null;
  const cgroup = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  return {
    mode: 'launch',
    ctid: config.ctid,
    cgroup,
    namespaces: [...(ids ? (['user'] as const) : []), 'mount', 'pid', 'ipc', 'uts'],
    ids,
    outside: [
      ...cgroup.make,
      ...(ids && cgroup.v2 !== null ? [handOver(cgroup.v2, ids)] : []),
      ...cgroup.join,
    ],
    after: [
      ...cgroup.limits,
      ...planSources(cgroup.v2, privileged),
      ...planRoot(config, options.layers, options.volatile),
    ],
    inside: [
      // What needs no mounts goes first: the launcher is still making them.
      UNSHARE,
      { op: 'loopback' },
      { op: 'hostname', name: config.hostname ?? `CT${config.ctid}` },
      { op: 'root', path: config.root },
      { op: 'become' },
      ...limitMounts(planMounts(cgroup.v2, privileged), config.counts),
      ...(options.console ? [{ op: 'console', path: '/dev/console' } as const] : []),
      { op: 'pivot' },
      ...(options.command || options.console ? [] : [{ op: 'null' } as const]),
      ...limitProcesses(planConfinement(facts, privileged), config.counts),
      ...(options.command ? planFirst(options.command) : [INIT]),
    ],
  };
}

const SURROUNDINGS: readonly InsideStep[] = [
  { op: 'rlimit', resource: 'nofile', soft: 1024, hard: 524_288 },
  { op: 'rlimit', resource: 'core', soft: 0, hard: Number.POSITIVE_INFINITY },
  { op: 'keyring' },
];
const CAPABILITIES = {
  privileged: { op: 'capabilities', names: SYSTEM_CAPABILITIES.privileged },
  unprivileged: { op: 'capabilities', names: SYSTEM_CAPABILITIES.unprivileged },
} as const satisfies Record<string, InsideStep>;

/** What init and every entered process get alike. Seccomp first: loading it needs a capability. */
export function planConfinement({ arch, emulated }: HostFacts, privileged: boolean): readonly InsideStep[] {
  const seccomp = { op: 'seccomp', profile: 'system', arch, ...(emulated ? { emulated } : {}) } as const;
  return [...SURROUNDINGS, seccomp, CAPABILITIES[privileged ? 'privileged' : 'unprivileged']];
}

export interface EnterOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: boolean;
}

/** A command in a running container; confined as its init is. */
export function planEnter(config: ContainerConfig, facts: HostFacts, options: EnterOptions): LaunchPlan {
  const ids = idMapOf(config);
  const { enter } = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  return {
    mode: 'enter',
    namespaces: [...(ids ? (['user'] as const) : []), 'mount', 'pid', 'net', 'ipc', 'uts'],
    ids: null,
    outside: enter,
    after: [],
    inside: [
      { op: 'become' },
      ...(options.terminal ? [{ op: 'terminal' } as const] : []),
      ...limitProcesses(planConfinement(facts, ids === null), config.counts),
      { op: 'chdir', path: '/' },
      planCommand(options.argv, options.env),
    ],
  };
}
