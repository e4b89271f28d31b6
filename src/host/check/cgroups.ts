/** Control groups: which of them there are, and what they limit. */
import { existsSync } from 'node:fs';
import type { CgroupMounts } from '../../plan/cgroup.js';
import { probeCgroups } from '../cgroup/index.js';
import { readMounts } from '../mounts.js';
import { type Check, lacking, type Outcome, ok, output, UNTRIED } from './finding.js';

/** Controller → what it is for. */
const CONTROLLERS = {
  memory: '--ram and --swap',
  pids: '--numproc',
  cpu: '--cpuunits, --cpulimit and --cpus',
  cpuset: '--cpumask and --nodemask',
  io: '--ioprio, --iolimit and --iopslimit',
  hugetlb: '--hugepages',
} as const;

type Controller = keyof typeof CONTROLLERS;

/** As v1 calls it. */
const OLD_NAMES: Partial<Readonly<Record<Controller, string>>> = { io: 'blkio' };

/** undefined: none is mounted. */
export function versionOf({ v1, v2 }: CgroupMounts): 'v1' | 'v2' | 'hybrid' | undefined {
  const isOld = Object.keys(v1).some((name) => name in CONTROLLERS || name === 'freezer');
  if (v2) return isOld ? 'hybrid' : 'v2';
  return isOld ? 'v1' : undefined;
}

export function judgeController(mounts: CgroupMounts, name: Controller): Outcome {
  if (mounts.v2?.controllers.includes(name)) return ok('v2');
  return mounts.v1[OLD_NAMES[name] ?? name] === undefined ? lacking('no control groups have it') : ok('v1');
}

/** Without v2 the freezer of v1 ends containers. */
export function judgeVersion(mounts: CgroupMounts): Outcome {
  const version = versionOf(mounts);
  if (version === undefined) return lacking('none are mounted');
  if (version === 'v1' && mounts.v1.freezer === undefined) return lacking('v1 without the freezer');
  return ok(version);
}

const mounts = (): CgroupMounts => probeCgroups(readMounts());

export const CGROUPS: readonly Check[] = [
  {
    subject: 'control groups',
    required: true,
    consequence: 'containers cannot be started',
    advice: 'Mount cgroup2 at /sys/fs/cgroup.',
    probe: () => judgeVersion(mounts()),
  },
  ...(Object.keys(CONTROLLERS) as Controller[]).map(
    (name): Check => ({
      subject: `controller ${name}`,
      consequence: `${CONTROLLERS[name]} have no effect`,
      advice: `Use a kernel with the controller ${name}, and boot without disabling it (cgroup_disable=, cgroup_enable=).`,
      probe: () => judgeController(mounts(), name),
    }),
  ),
  {
    subject: 'swap accounting',
    consequence: '--swap has no effect',
    advice: 'Boot with swapaccount=1, or with control groups v2 only.',
    probe: () => {
      const { v2, swapV1 } = mounts();
      if (v2?.controllers.includes('memory')) return ok('v2');
      return swapV1 ? ok('v1') : lacking('not of v1');
    },
  },
  {
    subject: 'delegation',
    required: true,
    consequence: 'containers cannot be started',
    advice: 'Install systemd 240 or newer with systemd-run.',
    probe: async ({ isRoot }) => {
      const { delegation, v2, v1 } = mounts();
      if (!delegation) return ok('not needed: systemd does not run this host');
      await output('systemd-run', '--version');
      if (!isRoot) return UNTRIED;
      const [mount = ''] = v2 ? [v2.mount] : Object.values(v1);
      const { unit } = delegation;
      return ok(
        existsSync(`${mount}/${delegation.path}`) ? `${unit} runs` : `${unit} starts with the first one`,
      );
    },
  },
];
