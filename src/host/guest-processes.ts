/** Which container a process of the host is in: its control groups say it, which no guest can leave. */
import { type Dirent, readdirSync, readlinkSync } from 'node:fs';
import { isErrno } from '../errors.js';
import { native } from '../native/binding.js';

export interface ProcessPlace {
  /** On the host. */
  readonly pid: number;
  /** 0: the host itself. */
  readonly ctid: number;
  /** As the container sees it; null for the host's, and for what is not in the container's pid namespace. */
  readonly innerPid: number | null;
  /** As the process calls itself: not to be trusted. */
  readonly name: string;
}

export interface Guests {
  /** Below which all containers' groups are, as "cella" or "machine.slice/cella.service". */
  readonly parent: string;
  /** pid namespace → container, for what an administrator put into one without its control groups. */
  readonly namespaces: ReadonlyMap<string, number>;
}

/** Undefined for a process that is gone. */
export function locate(pid: number, { parent, namespaces }: Guests): ProcessPlace | undefined {
  const groups = readOf(pid, 'cgroup');
  const status = readOf(pid, 'status');
  if (groups === undefined || status === undefined) return undefined;
  const ctid = ctidOf(groups, parent) ?? namespaces.get(namespaceOf(pid) ?? '') ?? 0;
  const { name, inner } = parseStatus(status);
  return { pid, ctid, innerPid: ctid === 0 ? null : inner, name };
}

/** Of proc_pid_cgroup(5); undefined: no container's. */
export function ctidOf(groups: string, parent: string): number | undefined {
  for (const line of groups.split('\n')) {
    // 4:memory:/cella/101/more: the path may hold colons.
    const path = line.split(':').slice(2).join(':');
    if (!path.startsWith(`/${parent}/`)) continue;
    const id = /^([1-9]\d*)(?:\/|$)/.exec(path.slice(parent.length + 2))?.[1];
    if (id !== undefined) return Number(id);
  }
  return undefined;
}

/** The name, and the pid in the first namespace below ours, of proc_pid_status(5). */
export function parseStatus(text: string): { readonly name: string; readonly inner: number | null } {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(text)?.[1];
  const inner = field('NSpid')?.split('\t')[1];
  return { name: field('Name') ?? '', inner: inner === undefined ? null : Number(inner) };
}

/** Undefined where it is gone, or not ours to see. */
export function namespaceOf(pid: number): string | undefined {
  return linkOf(pid, 'ns/pid');
}

/** What a link of a process's leads to, as `fd/3`; undefined where it is gone, or not ours to see. */
export function linkOf(pid: number, file: string): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/${file}`));
}

/** Numbers of what it has open. */
export function descriptorsOf(pid: number): readonly string[] {
  return unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
}

/** Every process in a group or below it. */
export function pidsBelow(directory: string): readonly number[] {
  const own = readText(`${directory}/cgroup.procs`) ?? '';
  return [
    ...own.split('\n').filter(Boolean).map(Number),
    ...entriesOf(directory)
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => pidsBelow(`${directory}/${entry.name}`)),
  ];
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

export function readOf(pid: number, file: string): string | undefined {
  return readText(`/proc/${pid}/${file}`);
}

function readText(path: string): string | undefined {
  return unlessGone(() => native().readKernelFile(path)) ?? undefined;
}

/** Undefined where a process is gone, or not ours to see. */
export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
