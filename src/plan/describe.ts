/** A plan's steps in words, for those who are told that one failed. */
import type { LaunchPlan, Step } from './launch-plan.js';

/** The step that a native failure names by its number; undefined for what lies between the steps. */
export function stepAt(plan: LaunchPlan, index: number): Step | undefined {
  return [...plan.outside, ...plan.after, ...plan.inside][index];
}

const WORDS: Readonly<Record<Step['op'], string>> = {
  makeCgroup: 'make control group',
  enable: 'enable controllers in',
  joinTasks: 'join control group',
  intoCgroup: 'open control group',
  own: 'hand over control group',
  writeFile: 'write',
  devices: 'limit devices in control group',
  clocks: 'make a time namespace',
  nodes: 'make nodes of devices on',
  bind: 'take',
  source: 'take',
  image: 'mount disk image',
  tree: 'take over the root',
  overlay: 'mount the root on',
  unshare: 'make namespaces',
  root: 'mount the root',
  become: 'become root of the container',
  mount: 'mount',
  directory: 'make directory',
  attach: 'attach a mount at',
  detach: 'detach the mount at',
  done: 'finish',
  symlink: 'make symbolic link',
  file: 'write',
  sysctl: 'set',
  mask: 'mask',
  readOnly: 'make read-only',
  console: 'make the console',
  pivot: 'change the root directory',
  hostname: 'set the host name',
  loopback: 'bring up the loopback link',
  null: 'open the null device',
  terminal: 'open a terminal',
  rlimit: 'set the resource limit',
  keyring: 'make a session keyring',
  chdir: 'change directory to',
  identity: 'change user and groups',
  capabilities: 'drop capabilities',
  noNewPrivileges: 'give up new privileges',
  merge: 'have equal pages of memory merged',
  seccomp: 'install the system call filter',
  exec: 'run',
};

/** What was to be done, as the end of "cannot …". */
export function describeStep(plan: LaunchPlan, index: number): string | undefined {
  const step = stepAt(plan, index);
  return step ? `${WORDS[step.op]} ${objectOf(step)}`.trim() : SPECIAL[index >>> 0];
}

function objectOf(step: Step): string {
  if (step.op === 'exec') return `'${step.argv[0] ?? step.paths.join(', ')}'`;
  if (step.op === 'rlimit') return step.resource;
  if ('path' in step) return `'${step.path}'`;
  if ('target' in step) return `'${step.target}'`;
  return 'name' in step ? `'${step.name}'` : '';
}

/** Failures between the steps, numbered from the top (native/core/protocol.h). */
const SPECIAL: Readonly<Record<number, string>> = {
  [~0 >>> 0]: 'clone the first process',
  [~1 >>> 0]: 'write the id maps',
  [~2 >>> 0]: 'hand over the mounts',
  [~3 >>> 0]: 'join the namespaces',
  [~4 >>> 0]: 'read the plan',
  [~5 >>> 0]: 'start the launcher',
  [~6 >>> 0]: 'finish the launch',
};
