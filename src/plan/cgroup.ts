/** Where a container's control groups are and what is written to them, for v1, v2 and hybrid hosts. */
import { CellaError } from '../errors.js';
import { accessLine, DEFAULT_ACCESS, type DeviceAccess } from './device-policy.js';
import type { CgroupStep, IdMap, OutsideStep, WriteStep } from './launch-plan.js';

/** What systemd has to hand over before a group can be made in it. */
export interface Delegation {
  /** The service that holds the groups. */
  readonly unit: string;
  readonly slice: string;
  /** Of its group, below each hierarchy's root. */
  readonly path: string;
}

/** What the host has mounted. */
export interface CgroupMounts {
  /** Null: the hierarchies are ours from their roots on. */
  readonly delegation: Delegation | null;
  /** The v2 hierarchy, and which controllers it has. */
  readonly v2: { readonly mount: string; readonly controllers: readonly string[] } | null;
  /** Controller → mount point of its v1 hierarchy. */
  readonly v1: Readonly<Record<string, string>>;
  /** Whether v1 accounts swap (swapaccount=). */
  readonly swapV1: boolean;
  /** How many CPUs there are. */
  readonly cpuCount: number;
  /** All CPUs and memory nodes, where v1 has cpuset: a new group has none. */
  readonly cpusetV1?: { readonly cpus: string; readonly mems: string };
}

export type Controller = (typeof CONTROLLERS)[number];

/** Where a container's group of one controller is. */
export interface Control {
  readonly version: 1 | 2;
  readonly path: string;
}

export interface Limits {
  /** Bytes; undefined: unlimited. */
  readonly ram: bigint | undefined;
  /** Bytes on top of ram; undefined: unlimited. */
  readonly swap: bigint | undefined;
  readonly numproc: bigint | undefined;
}

export interface CgroupPlan {
  /** Every directory of this container, to be removed when it is gone. */
  readonly directories: readonly string[];
  /** To be asked for first; `mount`: of a hierarchy in which it shows. */
  readonly delegation: (Delegation & { readonly mount: string }) | null;
  /** The v2 directory, which the container sees as its own. */
  readonly v2: string | null;
  /** What the host does not have is not there. */
  readonly controls: Readonly<Partial<Record<Controller, Control>>>;
  /** v1 hierarchies that are joined by a write to tasks. */
  readonly tasks: readonly string[];
  readonly make: readonly OutsideStep[];
  readonly limits: readonly WriteStep[];
  readonly join: readonly CgroupStep[];
  /** For a command that enters. */
  readonly enter: readonly CgroupStep[];
  /** Where it is said what may be done with devices; null: nowhere on this host. */
  readonly devices: DevicePlace | null;
}

/**
 * A group of v2 takes a program. One of v1 takes lines, and holds another one for the processes: whoever is root of the
 * host could say more in his own.
 */
export type DevicePlace =
  | { readonly version: 2; readonly path: string }
  | { readonly version: 1; readonly path: string; readonly processes: string };

const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuset', 'io', 'hugetlb'] as const;

/** What v1 calls them. */
const nameV1 = (name: string): string => (name === 'io' ? 'blkio' : name);

/**
 * Where entered commands go on v2: a container whose init has handed out controllers has no room for processes in
 * its own group (EBUSY; cgroups(7), "no internal processes").
 */
const ENTERED = 'exec';

/** `group`: below ours, "" or "x". */
export function planCgroup(mounts: CgroupMounts, group: string, ctid: number, limits: Limits): CgroupPlan {
  const onV2 = CONTROLLERS.filter((name) => mounts.v2?.controllers.includes(name));
  // Without v2 there is no cgroup.freeze and no cgroup.kill: then the v1 freezer stands in.
  const wantedV1 = [...CONTROLLERS.filter((name) => !onV2.includes(name)), ...(mounts.v2 ? [] : ['freezer'])];
  const v1 = wantedV1.flatMap((name) => {
    const mount = mounts.v1[nameV1(name)];
    // Where the CPUs are not known, nobody could run.
    return mount === undefined || (name === 'cpuset' && !mounts.cpusetV1) ? [] : [{ name, mount }];
  });
  const ours = mounts.delegation?.path ?? 'cella';
  const parent = group === '' ? ours : `${ours}/${group}`;
  const path = `${parent}/${ctid}`;
  const v2 = mounts.v2 ? `${mounts.v2.mount}/${path}` : null;
  const dirV1 = new Map(v1.map(({ name, mount }) => [name, `${mount}/${path}`]));
  // Controllers may share a hierarchy.
  const directoriesV1 = [...new Set(dirV1.values())];
  const devices = devicePlace(mounts, path);
  const deviceGroups = devices?.version === 1 ? [devices] : [];
  const joined = [...directoriesV1, ...deviceGroups.map(({ processes }) => processes)];
  const joinV1 = joined.map((at): CgroupStep => ({ op: 'joinTasks', path: `${at}/tasks` }));
  return {
    directories: [...(v2 ? [v2] : []), ...directoriesV1, ...deviceGroups.map((group) => group.path)],
    delegation: mounts.delegation && { ...mounts.delegation, mount: mounts.v2?.mount ?? v1[0]?.mount ?? '' },
    v2,
    controls: Object.fromEntries([
      ...(v2 ? onV2.map((name) => [name, { version: 2, path: v2 }]) : []),
      ...[...dirV1].map(([name, at]) => [name, { version: 1, path: at }]),
    ]),
    tasks: directoriesV1,
    make: [
      ...(mounts.v2 ? makeV2(mounts.v2.mount, mounts.delegation?.path ?? '', path, onV2) : []),
      ...fillCpuset(dirV1.get('cpuset'), parent.split('/').length, mounts.cpusetV1),
      ...directoriesV1.map((at) => make(at, parent.split('/').length)),
      ...weigh(mounts, { v2: onV2.includes('cpu'), v1: dirV1.has('cpu') }),
    ],
    limits: [...(v2 ? limitsV2(v2, onV2, limits) : []), ...limitsV1(dirV1, limits, mounts.swapV1)],
    join: [...joinV1, ...(v2 ? [into(v2)] : [])],
    enter: [...joinV1, ...(v2 ? [make(`${v2}/${ENTERED}`, 0), into(`${v2}/${ENTERED}`)] : [])],
    devices,
  };
}

function devicePlace(mounts: CgroupMounts, path: string): DevicePlace | null {
  if (mounts.v2) return { version: 2, path: `${mounts.v2.mount}/${path}` };
  if (mounts.v1.devices === undefined) return null;
  const group = `${mounts.v1.devices}/${path}`;
  return { version: 1, path: group, processes: `${group}/processes` };
}

/** `access` null: whatever the kernel allows, where that is a question of a program. */
export function planDevices(
  place: DevicePlace | null,
  access: readonly DeviceAccess[] | null,
): readonly OutsideStep[] {
  if (place === null) {
    if (access === null) return [];
    throw new CellaError(
      'UNSUPPORTED_KERNEL',
      'nothing on this host limits what a container may do with devices',
      {
        hint: 'Mount cgroup2, or the devices hierarchy of cgroup v1.',
      },
    );
  }
  if (place.version === 2) return access === null ? [] : [{ op: 'devices', path: place.path, access }];
  return [
    make(place.path, place.path.split('/').length),
    write(`${place.path}/devices.deny`, 'a'),
    ...(access ?? DEFAULT_ACCESS).map((rule) => write(`${place.path}/devices.allow`, accessLine(rule))),
    make(place.processes, 0),
  ];
}

function into(path: string): CgroupStep {
  return { op: 'intoCgroup', path };
}

/** What of a group its own root may have: to move processes, and to hand out controllers (cgroup-v2.rst, Delegation). */
const DELEGATED = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control', 'memory.oom.group'] as const;

/** Lets an init such as systemd manage groups of its own below the container's. */
export function handOver(path: string, ids: IdMap): CgroupStep {
  return { op: 'own', path, uid: ids.uid, gid: ids.gid, files: DELEGATED };
}

function make(path: string, parents: number): CgroupStep {
  return { op: 'makeCgroup', path, parents };
}

/** Controllers must be enabled in every group above the one that uses them, from `owned` on: that much is ours. */
function makeV2(
  mount: string,
  owned: string,
  path: string,
  controllers: readonly string[],
): readonly OutsideStep[] {
  const base = owned === '' ? mount : `${mount}/${owned}`;
  const names = `${mount}/${path}`.slice(base.length + 1).split('/');
  if (controllers.length === 0) return [make(`${mount}/${path}`, names.length - 1)];
  const enable = (at: string): CgroupStep => ({
    op: 'enable',
    path: `${at}/cgroup.subtree_control`,
    controllers,
  });
  const parents = names.slice(0, -1).map((_, i) => `${base}/${names.slice(0, i + 1).join('/')}`);
  return [enable(base), ...parents.flatMap((at) => [make(at, 0), enable(at)]), make(`${mount}/${path}`, 0)];
}

/**
 * All containers together weigh as much as one busy process of the host for each CPU: a single group, as they are to the
 * host, would weigh as much as a single process. What systemd delegates weighs what systemd says.
 */
function weigh(
  mounts: CgroupMounts,
  has: { readonly v1: boolean; readonly v2: boolean },
): readonly WriteStep[] {
  if (mounts.delegation) return [];
  const { cpuCount } = mounts;
  if (has.v2)
    return [write(`${mounts.v2?.mount}/cella/cpu.weight`, String(Math.min(10_000, 100 * cpuCount)))];
  return has.v1 ? [write(`${mounts.v1.cpu}/cella/cpu.shares`, String(1024 * cpuCount))] : [];
}

/**
 * A new group of v1's cpuset has neither CPUs nor memory, unless the one above it says otherwise (cgroup.clone_children).
 * With each that gets some the kernel compares all groups beside it.
 */
function fillCpuset(
  at: string | undefined,
  parents: number,
  all: CgroupMounts['cpusetV1'],
): readonly OutsideStep[] {
  if (at === undefined || !all) return [];
  const names = at.split('/');
  const above = Array.from({ length: parents }, (_, i) => names.slice(0, i - parents).join('/'));
  return above.flatMap((group) => [
    make(group, 0),
    write(`${group}/cpuset.cpus`, all.cpus),
    write(`${group}/cpuset.mems`, all.mems),
    write(`${group}/cgroup.clone_children`, '1'),
  ]);
}

function write(path: string, value: string): WriteStep {
  return { op: 'writeFile', path, value };
}

function limitsV2(at: string, controllers: readonly string[], limits: Limits): readonly WriteStep[] {
  return [
    ...(controllers.includes('memory')
      ? [
          write(`${at}/memory.max`, limits.ram?.toString() ?? 'max'),
          write(`${at}/memory.swap.max`, limits.swap?.toString() ?? 'max'),
        ]
      : []),
    ...(controllers.includes('pids') ? [write(`${at}/pids.max`, limits.numproc?.toString() ?? 'max')] : []),
  ];
}

/** v1 limits memory, and memory and swap together: the smaller one first, which the other must not fall below. */
function limitsV1(
  directories: ReadonlyMap<string, string>,
  limits: Limits,
  swapAccounted: boolean,
): readonly WriteStep[] {
  const memory = directories.get('memory');
  const pids = directories.get('pids');
  const both =
    limits.ram === undefined || limits.swap === undefined ? '-1' : String(limits.ram + limits.swap);
  return [
    ...(memory ? [write(`${memory}/memory.limit_in_bytes`, limits.ram?.toString() ?? '-1')] : []),
    ...(memory && swapAccounted ? [write(`${memory}/memory.memsw.limit_in_bytes`, both)] : []),
    ...(pids ? [write(`${pids}/pids.max`, limits.numproc?.toString() ?? 'max')] : []),
  ];
}
