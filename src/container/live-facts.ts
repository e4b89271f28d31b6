/** What has to fit for a container's processes to go on at another host, and whether it does. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { findCriu } from '../host/criu/find.js';
import type { Ignored, LiveFacts } from '../migrate/messages.js';
import { type CgroupMounts, planCgroup } from '../plan/cgroup.js';
import { formatVersion, isOlderKernel } from '../plan/checkpoint/criu-version.js';
import type { Context } from './context.js';

export async function liveFacts(context: Context, config: ContainerConfig): Promise<LiveFacts> {
  const { version } = await findCriu('MIGRATION_FAILED');
  const { cgroups, cgroupGroup } = context.facts();
  const { controls, v2 } = planCgroup(cgroups, cgroupGroup, config.ctid, config);
  if (v2 === null)
    throw new CellaError('MIGRATION_FAILED', 'the host has no cgroup v2, by which it could stand still');
  return {
    arch: process.arch,
    kernel: release(),
    criu: formatVersion(version),
    cpu: abilities(),
    cgroups: Object.entries(controls).map(([name, { version }]) => `${name} of v${version}`),
    group: groupOf(cgroups, v2),
  };
}

/** Its control group as processes see it, "/cella/101". */
function groupOf({ v2 }: CgroupMounts, directory: string): string {
  return directory.slice(v2?.mount.length ?? 0);
}

function abilities(): readonly string[] {
  const line = /^(?:flags|Features)\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return line?.split(' ').filter(Boolean) ?? [];
}

/** Throws for what would not go on here as it was there. */
export function expectFit(there: LiveFacts, here: LiveFacts, ignore: readonly Ignored[]): void {
  const refuse = (message: string, hint?: string): never => {
    throw new CellaError('MIGRATION_FAILED', message, hint === undefined ? {} : { hint });
  };
  if (there.arch !== here.arch)
    refuse(`its processes are of the ${there.arch} architecture, not of ${here.arch}`);
  const missing = there.cpu.filter((name) => !here.cpu.includes(name));
  if (missing.length > 0 && !ignore.includes('cpu'))
    refuse(
      `the processor has no ${missing.join(', ')}, which its programs may use`,
      'Say --nodeps=cpu if they do not.',
    );
  if (isOlderKernel(here.kernel, there.kernel) && !ignore.includes('kernel'))
    refuse(
      `the kernel is older: ${here.kernel}, where it runs on ${there.kernel}`,
      'Say --nodeps=kernel to try it all the same.',
    );
  if (there.cgroups.join() !== here.cgroups.join())
    refuse(`control groups are other ones: ${here.cgroups.join(', ')}, not ${there.cgroups.join(', ')}`);
}
