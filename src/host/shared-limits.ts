/**
 * Limits that all containers share: of what the kernel counts by user, it counts a container's as root's of the host
 * too, who made the user namespace (user_namespaces(7), namespaces(7) "UCOUNT"); others it counts for all together.
 * Its defaults are enough for one system: 128 inotify instances for about twenty of systemd's guests.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export interface SharedLimit {
  /** As sysctl(8) has it. */
  readonly name: string;
  /** Enough for thousands of containers, and nothing is used up by allowing it. */
  readonly value: number;
}

export const SHARED_LIMITS: readonly SharedLimit[] = [
  // inotify(7): five for each systemd.
  { name: 'fs.inotify.max_user_instances', value: 65_536 },
  { name: 'fs.inotify.max_user_watches', value: 1_048_576 },
  // pts(4).
  { name: 'kernel.pty.max', value: 65_536 },
  // io_setup(2): each database asks for thousands.
  { name: 'fs.aio-max-nr', value: 1_048_576 },
  // pipe(7): CRIU serves memory by such ones, in a post-copy migration.
  { name: 'fs.pipe-max-size', value: 4_194_304 },
];

const DIRECTORY = '/proc/sys';
const pathOf = (name: string, directory: string): string => `${directory}/${name.replaceAll('.', '/')}`;

export interface LowLimit extends SharedLimit {
  readonly now: number;
}

/** Those that are lower here. A kernel without one has no such limit. */
export function lowLimits(directory = DIRECTORY): readonly LowLimit[] {
  return SHARED_LIMITS.flatMap((limit) => {
    const path = pathOf(limit.name, directory);
    const now = existsSync(path) ? Number(readFileSync(path, 'utf8')) : limit.value;
    return now < limit.value ? [{ ...limit, now }] : [];
  });
}

/** Until the next boot. A host that does not allow it, as a container is one, keeps its own. */
export function raiseLimits(directory = DIRECTORY): readonly LowLimit[] {
  return lowLimits(directory).filter(({ name, value }) => {
    try {
      writeFileSync(pathOf(name, directory), String(value));
      return true;
    } catch {
      return false;
    }
  });
}

/** For sysctl.d(5), which sets them at each boot. */
export const SYSCTL_FILE = '/etc/sysctl.d/60-cella.conf';

export function sysctlText(limits: readonly SharedLimit[]): string {
  const lines = limits.map(({ name, value }) => `${name} = ${value}\n`);
  return `# Limits that all containers share. Written by "cella setup", which leaves this file alone then.\n${lines.join('')}`;
}
