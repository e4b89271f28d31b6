/** What containers need of the kernel, found out by trying. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { native } from '../../native/binding.js';
import { lowLimits } from '../shared-limits.js';
import { aside, type Check, lacking, type Outcome, ok, output, UNTRIED } from './finding.js';

const OLDEST_KERNEL = [5, 19] as const;

export function judgeRelease(text: string): Outcome {
  const [major = 0, minor = 0] = text.split('.').map((part) => Number.parseInt(part, 10));
  const [oldest, least] = OLDEST_KERNEL;
  return (major > oldest || (major === oldest && minor >= least) ? ok : lacking)(text);
}

/** Numbers of sysctls, where there are such. */
function limitOf(name: string): number {
  const path = `/proc/sys/${name}`;
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : Number.POSITIVE_INFINITY;
}

async function tryNamespaces(): Promise<Outcome> {
  if (limitOf('user/max_user_namespaces') === 0) return lacking('the sysctl user.max_user_namespaces is 0');
  const all = ['user', 'mount', 'pid', 'net', 'ipc', 'uts', 'cgroup'];
  const flags = all.map((name) => `--${name}`);
  await output('unshare', ...flags, '--fork', '--map-root-user', 'true');
  return ok(all.join(', '));
}

/** In one whose ids are ours, of which there is nothing but its process. */
async function tryIdmap(area: string): Promise<Outcome> {
  const child = spawn('unshare', ['--user', '--map-root-user', 'sh', '-c', 'echo ready; read -r line'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(child, 'close');
  try {
    await Promise.race([once(child.stdout, 'data'), ended]);
    native().tryIdmap(area, `/proc/${child.pid}/ns/user`);
    return ok(`below ${area}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const OVERLAY = `
  mount -t tmpfs none /sys; mkdir /sys/lower /sys/upper /sys/work /sys/merged
  mount -t overlay -o index=on,nfs_export=on,lowerdir=/sys/lower,upperdir=/sys/upper,workdir=/sys/work none /sys/merged
  touch /sys/merged/file
`;

export const KERNEL: readonly Check[] = [
  {
    subject: 'kernel',
    required: true,
    consequence: 'containers cannot be started',
    advice: `Boot Linux ${OLDEST_KERNEL.join('.')} or newer.`,
    probe: () => judgeRelease(release()),
  },
  {
    subject: 'machine',
    required: true,
    consequence: 'containers cannot be started',
    advice: 'Use a machine of x86-64 or arm64.',
    probe: () => (['x64', 'arm64'].includes(arch()) ? ok : lacking)(arch()),
  },
  {
    subject: 'namespaces',
    required: true,
    consequence: 'containers cannot be started',
    advice: 'Set the sysctls user.max_*_namespaces higher, or use a kernel with CONFIG_USER_NS.',
    probe: tryNamespaces,
  },
  {
    subject: 'seccomp',
    required: true,
    consequence: 'containers cannot be started',
    advice: 'Use a kernel with CONFIG_SECCOMP_FILTER.',
    probe: () => {
      const path = '/proc/sys/kernel/seccomp/actions_avail';
      return existsSync(path) ? ok(readFileSync(path, 'utf8').trim()) : lacking('the kernel has no filters');
    },
  },
  {
    subject: 'overlayfs',
    required: true,
    consequence: 'containers cannot be started',
    advice: 'Load the module overlay, of a kernel with CONFIG_OVERLAY_FS.',
    probe: async ({ isRoot }) => {
      if (!isRoot) return UNTRIED;
      await aside(OVERLAY);
      return ok('with index and nfs_export');
    },
  },
  {
    subject: 'idmapped mounts',
    required: true,
    consequence: 'only privileged containers can be started',
    advice: 'Put private areas on ext4, xfs or btrfs.',
    probe: ({ area, isRoot }) => (isRoot ? tryIdmap(area) : UNTRIED),
  },
  {
    subject: 'loop devices',
    consequence: 'layouts with a disk image do not work',
    advice: 'Load the module loop.',
    probe: ({ isRoot }) => {
      const path = '/dev/loop-control';
      if (!existsSync(path)) return lacking(`there is no ${path}`);
      if (!isRoot) return UNTRIED;
      accessSync(path, constants.R_OK | constants.W_OK);
      return ok(path);
    },
  },
  {
    subject: 'nft',
    consequence: 'addresses and ports of containers cannot be guarded',
    advice: 'Install nftables, and use a kernel with CONFIG_NF_TABLES.',
    probe: async ({ isRoot }) => {
      const version = await output('nft', '--version');
      if (!isRoot) return UNTRIED;
      await output('unshare', '--net', 'nft', 'add', 'table', 'inet', 'cella');
      return ok(version);
    },
  },
  {
    subject: 'shared limits',
    consequence: 'what all containers have of it together may run out, and then some do not boot',
    advice: 'Run "cella setup", or raise them with sysctl.',
    probe: () => {
      const [low, ...more] = lowLimits();
      if (low === undefined) return ok('they are high enough for thousands of containers');
      return lacking(
        `${low.name} is ${low.now}${more.length > 0 ? `, and ${more.length} more are low` : ''}`,
      );
    },
  },
];
