/** Config and host facts → the plan of a start. Pure: the same input gives the same plan anywhere. */
import type { ContainerConfig } from '../config/container-config.js';
import { SYSTEM_CAPABILITIES } from './capabilities.js';
import type { CgroupMounts, CgroupPlan } from './cgroup.js';
import { planCgroup } from './cgroup.js';
import type { AfterStep, IdMap, InsideStep, LaunchPlan } from './launch-plan.js';
import { planMounts, planSources } from './rootfs.js';

/** What planning needs to know of the host, gathered once. */
export interface HostFacts {
  readonly arch: 'x64' | 'arm64';
  readonly cgroups: CgroupMounts;
  /** Path of our control groups below each hierarchy's root. */
  readonly cgroupParent: string;
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

/** `lower`: the template's layers, topmost first. */
export function planOverlay(config: ContainerConfig, lower: readonly string[]): AfterStep {
  return {
    op: 'overlay',
    target: config.root,
    area: config.privateArea,
    lower,
    idmapped: idMapOf(config) !== null,
  };
}

export function planMount(config: ContainerConfig, lower: readonly string[]): LaunchPlan {
  const ids = idMapOf(config);
  return {
    mode: 'mount',
    namespaces: ids ? ['user'] : [],
    ids,
    outside: [],
    after: [planOverlay(config, lower)],
    inside: [],
  };
}

export interface StartOptions {
  readonly lower: readonly string[];
  /** Instead of init: runs with the standard descriptors that it is given. */
  readonly command?: readonly string[];
}

export function planStart(config: ContainerConfig, facts: HostFacts, options: StartOptions): StartPlan {
  const ids = idMapOf(config);
  const privileged = ids === null;
  const cgroup = planCgroup(facts.cgroups, facts.cgroupParent, config.ctid, config);
  return {
    mode: 'launch',
    ctid: config.ctid,
    cgroup,
    // The cgroup namespace is unshared from inside: clone3 would root it at the launcher's own cgroup.
    namespaces: [...(ids ? (['user'] as const) : []), 'mount', 'pid', 'net', 'ipc', 'uts'],
    ids,
    outside: [...cgroup.make, ...cgroup.limits, ...planSources(cgroup.v2, privileged), ...cgroup.join],
    after: [planOverlay(config, options.lower)],
    inside: [
      { op: 'unshareCgroup' },
      { op: 'root', path: config.root },
      { op: 'become' },
      ...planMounts(cgroup.v2, privileged),
      { op: 'pivot' },
      { op: 'hostname', name: config.hostname ?? `CT${config.ctid}` },
      { op: 'loopback' },
      ...(options.command ? [] : [{ op: 'null' } as const]),
      ...planConfinement(facts.arch, privileged),
      options.command
        ? planCommand(options.command, {})
        : { op: 'exec', paths: INIT_PATHS, argv: ['init'], env: INIT_ENV },
    ],
  };
}

/** What init and every entered process get alike. Seccomp first: loading it needs a capability. */
export function planConfinement(arch: HostFacts['arch'], privileged: boolean): readonly InsideStep[] {
  return [
    { op: 'rlimit', resource: 'nofile', soft: 1024, hard: 524_288 },
    { op: 'rlimit', resource: 'core', soft: 0, hard: Number.POSITIVE_INFINITY },
    { op: 'keyring' },
    { op: 'seccomp', profile: 'system', arch },
    { op: 'capabilities', names: SYSTEM_CAPABILITIES(privileged) },
  ];
}

const PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

/** An empty environment but for what login would set; the operator's own never goes in. */
export function planCommand(argv: readonly string[], env: Readonly<Record<string, string>>): InsideStep {
  const [program = '/bin/sh'] = argv;
  const all = {
    PATH: PATH.join(':'),
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/bin/sh',
    ...env,
  };
  return {
    op: 'exec',
    paths: program.includes('/') ? [program] : PATH.map((directory) => `${directory}/${program}`),
    argv: argv.length > 0 ? argv : [program],
    env: Object.entries(all).map(([key, value]) => `${key}=${value}`),
  };
}

export interface EnterOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: boolean;
}

/** A command in a running container; confined as its init is. */
export function planEnter(config: ContainerConfig, facts: HostFacts, options: EnterOptions): LaunchPlan {
  const ids = idMapOf(config);
  const { join } = planCgroup(facts.cgroups, facts.cgroupParent, config.ctid, config);
  return {
    mode: 'enter',
    namespaces: [...(ids ? (['user'] as const) : []), 'mount', 'pid', 'net', 'ipc', 'uts'],
    ids: null,
    outside: join,
    after: [],
    inside: [
      { op: 'become' },
      ...(options.terminal ? [{ op: 'terminal' } as const] : []),
      ...planConfinement(facts.arch, ids === null),
      { op: 'chdir', path: '/' },
      planCommand(options.argv, options.env),
    ],
  };
}
