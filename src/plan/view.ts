/**
 * Files of lxcfs(1) that take the place of the kernel's in a container, so that it sees its own memory, processors and
 * times: what the kernel tells there is of the host. Pure.
 */
import type { AfterStep, InsideStep } from './launch-plan.js';

/** Below the directory of lxcfs as below the container's root. */
export const VIEWED = [
  ...['cpuinfo', 'diskstats', 'loadavg', 'meminfo', 'stat', 'swaps', 'uptime'].map((name) => `proc/${name}`),
  'sys/devices/system/cpu',
] as const;

export interface View {
  /** Where lxcfs is mounted. */
  readonly directory: string;
  /** Those of VIEWED that it has. */
  readonly names: readonly string[];
}

interface Steps {
  readonly after: readonly AfterStep[];
  readonly inside: readonly InsideStep[];
}

/** From the first slot that is free on. */
export function planView(view: View | undefined, slot: number): Steps {
  const names = view?.names ?? [];
  return {
    after: names.map((name, i) => ({
      op: 'bind',
      slot: slot + i,
      base: null,
      path: `${view?.directory}/${name}`,
      flags: ['ro', 'nosuid', 'noexec', 'nodev'],
      ids: null,
    })),
    inside: names.map((name, i) => ({ op: 'attach', path: `/${name}`, slot: slot + i, directory: 'either' })),
  };
}
