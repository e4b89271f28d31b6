/** What a test may leave on the host: nothing. Compares the kernel's tables with before, but for other runs' sandboxes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { readMounts } from '../../src/host/mounts.js';
import { openPaths } from '../../src/state/paths.js';

export interface Traces {
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly cgroups: readonly string[];
  readonly processes: readonly string[];
}

/** Tunnels that every network namespace has once the host has loaded their modules. */
const OF_MODULES = /^(sit0|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6tnl0|ip6gre0|ip6_vti0)$/;

/** `rootDir`: of the sandbox; what belongs to another one is not this one's. */
export function traces(rootDir: string): Traces {
  const group = openPaths(rootDir).cgroupGroup;
  const isOthers = (cgroup: string): boolean =>
    /\/cella(\.service)?\/root-/.test(cgroup) && !cgroup.includes(`/${group}/`);
  return {
    mounts: readMounts()
      .filter(({ target }) => !/\/cella-test-/.test(target) || `${target}/`.startsWith(`${rootDir}/`))
      .map(({ target, type }) => `${type} ${target}`)
      .sort(),
    links: readdirSync('/sys/class/net')
      .filter((name) => !OF_MODULES.test(name))
      .sort(),
    cgroups: containerGroups().filter((path) => !isOthers(path)),
    processes: guests(isOthers),
  };
}

/** Fails the test that left something; a dying process gets a moment to be reaped. */
export async function expectNoTraces(rootDir: string, before: Traces): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!isDeepStrictEqual(traces(rootDir), before) && Date.now() < deadline) await sleep(20);
  expect(traces(rootDir)).toEqual(before);
}

/** Every container's own directory, in every hierarchy. */
export function containerGroups(): readonly string[] {
  return readMounts()
    .filter(({ type }) => type.startsWith('cgroup'))
    .flatMap(({ target }) =>
      ['cella', 'machine.slice/cella.service'].flatMap((at) => below(`${target}/${at}`)),
    )
    .filter((path) => /\/\d+$/.test(path))
    .sort();
}

function below(directory: string): readonly string[] {
  if (!statSync(directory, { throwIfNoEntry: false })) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [`${directory}/${entry.name}`, ...below(`${directory}/${entry.name}`)]);
}

/** Processes of containers, and launchers: they are born in our control groups. What sleeps beside those is no guest. */
function guests(isOthers: (cgroup: string) => boolean): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) =>
      read(`/proc/${pid}/cgroup`)
        .split('\n')
        .some((line) => /\/cella(\.service)?\/(?!keeper$)/.test(line) && !isOthers(`${line}/`)),
    )
    .filter((pid) => !isGone(pid))
    .map((pid) => `${pid} ${read(`/proc/${pid}/comm`).trim()}`);
}

/** Since it was listed, or ended, and the host's init has not asked yet: some look only once a second. */
function isGone(pid: string): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' || /^ Z 1 /.test(stat.slice(stat.lastIndexOf(')') + 1));
}

/** Empty for one that is gone since it was listed. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
