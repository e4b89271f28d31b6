/** What the kernel says of a running container's control groups, on v1 and v2 alike. */
import { existsSync, readFileSync } from 'node:fs';
import { openHost } from '../../dist/index.js';
import { readMounts } from '../../src/host/mounts.js';

/** The first of some files that one of its groups has; undefined where none is there. */
export async function readGroup(
  rootDir: string,
  ctid: number,
  ...names: readonly string[]
): Promise<string | undefined> {
  const pid = (await openHost({ rootDir })).container(ctid).initPid();
  const paths = groupsOf(pid ?? 0).flatMap((at) => names.map((name) => `${at}/${name}`));
  const path = paths.find(existsSync);
  return path === undefined ? undefined : readFileSync(path, 'utf8').trim();
}

/** proc_pid_cgroup(5): a line for each hierarchy. */
function groupsOf(pid: number): readonly string[] {
  const mounts = readMounts();
  return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      const mount = mounts.find(({ type, options }) =>
        controllers === ''
          ? type === 'cgroup2'
          : type === 'cgroup' && options.includes(controllers.split(',')[0] ?? ''),
      );
      return mount ? [`${mount.target}${path}`] : [];
    });
}
