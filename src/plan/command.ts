/** A command in a container: its environment, who runs it, where, and on what terminal. Pure. */
import type { InsideStep } from './launch-plan.js';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: root. */
  readonly user?: Identity;
  /** Default: "/". */
  readonly cwd?: string;
  /** A terminal of the container's own rather than the descriptors that it is given. */
  readonly terminal?: boolean;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** An empty environment but for what login would set; the operator's own never goes in. */
export function planCommand(argv: readonly string[], env: Readonly<Record<string, string>>): InsideStep {
  const [program = '/bin/sh'] = argv;
  const all = { PATH, HOME: '/root', USER: 'root', LOGNAME: 'root', SHELL: '/bin/sh', ...env };
  return {
    op: 'exec',
    paths: program.includes('/')
      ? [program]
      : searched(all.PATH).map((directory) => `${directory}/${program}`),
    argv: argv.length > 0 ? argv : [program],
    env: Object.entries(all).map(([key, value]) => `${key}=${value}`),
  };
}

/** A directory by a relative path, or by none, would be wherever the command happens to be. */
function searched(path: string): readonly string[] {
  const directories = path.split(':').filter((directory) => directory.startsWith('/'));
  return directories.length > 0 ? directories : PATH.split(':');
}

/** The last steps of a container that runs one command, as its first process. */
export function planFirst({ argv, env = {}, user, cwd = '/', terminal }: Command): readonly InsideStep[] {
  return [
    ...(user ? [{ op: 'identity', ...user } as const] : []),
    // The terminal belongs to whoever opens it.
    ...(terminal ? [{ op: 'terminal' } as const] : []),
    ...(cwd === '/' ? [] : [{ op: 'chdir', path: cwd } as const]),
    planCommand(argv, env),
  ];
}
