/**
 * The groups that a guest has made below its own, as a resumed container has to find them: those without processes too,
 * which CRIU leaves out, with what limits them. Of cgroup v2 alone, since a guest makes none of v1.
 */
import { chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { isErrno } from '../../errors.js';
import type { SavedGroup } from '../../plan/checkpoint/saved-group.js';
import { readText } from './files.js';

/** Settings of cgroup-v2.rst that a guest's service manager makes, with what a new group has. */
const SETTINGS: Readonly<Record<string, string>> = {
  'cpu.weight': '100',
  'cpu.max': 'max 100000',
  'cpu.idle': '0',
  'memory.min': '0',
  'memory.low': '0',
  'memory.high': 'max',
  'memory.max': 'max',
  'memory.swap.max': 'max',
  'memory.zswap.max': 'max',
  'memory.oom.group': '0',
  'pids.max': 'max',
  'io.weight': 'default 100',
  'cpuset.cpus': '',
  'cpuset.mems': '',
};

/** Files of a group that are its owner's beside the group itself. */
const OWN = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'] as const;

/** Outermost first. `directory`: the container's own. */
export function saveGroups(directory: string): readonly SavedGroup[] {
  return pathsBelow(directory, '').map((path) => {
    const at = path === '' ? directory : `${directory}/${path}`;
    const { uid, gid } = statSync(at);
    const controllers = (readText(`${at}/cgroup.subtree_control`) ?? '').split(' ').filter(Boolean);
    // Its own limits are the configuration's.
    return { path, uid, gid, controllers, limits: path === '' ? {} : limitsOf(at) };
  });
}

function pathsBelow(directory: string, path: string): readonly string[] {
  const names = readdirSync(path === '' ? directory : `${directory}/${path}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => (path === '' ? name : `${path}/${name}`));
  return [path, ...names.flatMap((name) => pathsBelow(directory, name))];
}

function limitsOf(at: string): SavedGroup['limits'] {
  return Object.fromEntries(
    Object.entries(SETTINGS).flatMap(([file, usual]) => {
      const text = readText(`${at}/${file}`);
      return text === undefined || text === usual ? [] : [[file, text]];
    }),
  );
}

/** Makes them, still without controllers: the first of the restored processes could not enter one that gives them on. */
export function makeGroups(directory: string, groups: readonly SavedGroup[]): void {
  for (const { path, uid, gid } of groups) {
    if (path === '') continue;
    const at = `${directory}/${path}`;
    if (!existsSync(at)) mkdirSync(at);
    chownSync(at, uid, gid);
    for (const file of OWN) if (existsSync(`${at}/${file}`)) chownSync(`${at}/${file}`, uid, gid);
  }
}

/** The rest, once the processes are where they belong. */
export function limitGroups(directory: string, groups: readonly SavedGroup[]): void {
  for (const { path, controllers, limits } of groups) {
    const at = path === '' ? directory : `${directory}/${path}`;
    if (controllers.length > 0)
      writeFileSync(`${at}/cgroup.subtree_control`, controllers.map((name) => `+${name}`).join(' '));
    for (const [file, text] of Object.entries(limits)) setLimit(`${at}/${file}`, text);
  }
}

/** What another host does not have it does not limit. */
function setLimit(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
