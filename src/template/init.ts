/** What kind of init a root file system has: how it is asked to power off, and how it tells that it is up. */
import { findInside } from './inside.js';
import type { TemplateRecipe } from './manifest.js';

type Init = Pick<TemplateRecipe, 'init' | 'stopSignal' | 'ready'>;

const PATHS = [
  '/sbin/init',
  '/usr/sbin/init',
  '/lib/systemd/systemd',
  '/usr/lib/systemd/systemd',
  '/init',
] as const;

/** Degraded is up: some unit has failed, which is for the guest's operator to see to. */
const SYSTEMD_IS_UP = [
  'until case "$(systemctl is-system-running --wait 2>/dev/null || systemctl is-system-running 2>/dev/null)" in',
  '*running*|*degraded*) true;; *) false;; esac; do sleep 0.2; done',
].join(' ');

export const SYSTEMD_READY = ['/bin/sh', '-c', SYSTEMD_IS_UP] as const;

/** undefined: it has none. */
export function guessInit(layers: readonly string[]): Init | undefined {
  const found = findInit(layers);
  if (!found) return undefined;
  const init = [found.path];
  switch (found.program) {
    case 'systemd':
      // systemd(1), SIGNALS: powers off, where SIGTERM would only have it run itself anew.
      return { init, stopSignal: 'SIGRTMIN+3', ready: SYSTEMD_READY };
    case 'busybox':
      return { init, stopSignal: 'SIGUSR2', ready: [] };
    default:
      return { init, stopSignal: 'SIGPWR', ready: [] };
  }
}

/** Where a container would look for it, and the name of the program that is there, links followed. */
export function findInit(
  layers: readonly string[],
): { readonly path: string; readonly program: string } | undefined {
  for (const path of PATHS) {
    const found = findInside(layers, path);
    if (!found?.stats.isFile() || !(found.stats.mode & 0o111)) continue;
    return { path, program: found.path.slice(found.path.lastIndexOf('/') + 1) };
  }
  return undefined;
}
