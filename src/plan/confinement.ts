/** What a container's processes may do, as it was when it started: commands that enter later are confined alike. */
import type { ContainerConfig } from '../config/container-config.js';
import type { Equipment } from '../config/equipment.js';
import type { FeatureName } from '../config/switches.js';
import { SYSTEM_CAPABILITIES } from './capabilities.js';
import type { HostFacts } from './host-facts.js';
import type { InsideStep } from './launch-plan.js';

export interface Confinement {
  /** Containers in the container. */
  readonly nesting: boolean;
  /** Clocks of its own. */
  readonly time: boolean;
  /** Capabilities that it lacks besides those that no container has, as CAP_NET_RAW. */
  readonly without: readonly string[];
}

export const USUAL: Confinement = { nesting: false, time: false, without: [] };

export function confinementOf({ features, capabilities, netfilter }: Equipment): Confinement {
  const hasFilter = netfilter !== 'disabled';
  if (features.size === 0 && capabilities.size === 0 && hasFilter) return USUAL;
  return {
    nesting: features.get('nesting') ?? false,
    time: features.get('time') ?? false,
    without: [
      ...[...capabilities].flatMap(([name, on]) => (on ? [] : [`CAP_${name}`])),
      // Mainline has no mask of netfilter's modules: this is what its rules are made with.
      ...(hasFilter ? [] : ['CAP_NET_ADMIN']),
    ],
  };
}

/** Features and capabilities that a config asks for in vain, in words. */
export function unusable(
  config: Pick<ContainerConfig, 'features' | 'capabilities' | 'localUid'>,
): readonly string[] {
  const { features, capabilities, localUid } = config;
  const usual = SYSTEM_CAPABILITIES[localUid === 0 ? 'privileged' : 'unprivileged'];
  const never = [...capabilities].flatMap(([name, on]) =>
    on && !usual.includes(`CAP_${name}`) ? [name.toLowerCase()] : [],
  );
  const idle = [...features].flatMap(([name, on]) =>
    isIdle(name, on, localUid === 0) ? [`${name}:${on ? 'on' : 'off'}`] : [],
  );
  return [
    ...(never.length === 0 ? [] : [`no container has these capabilities: ${never.join(', ')}`]),
    ...(idle.length === 0 ? [] : [`no effect on this system, only kept: --features ${idle.join(',')}`]),
    ...(features.get('nesting') ? ['a container with nesting:on cannot be checkpointed'] : []),
  ];
}

/** /sys is always there; a user namespace cannot mount NFS, but a bind mount of the host's shows it. */
function isIdle(name: FeatureName, on: boolean, privileged: boolean): boolean {
  if (name === 'nfsd') return on;
  if (name === 'sysfs') return !on;
  return name === 'nfs' && on && !privileged;
}

const SURROUNDINGS: readonly InsideStep[] = [
  { op: 'rlimit', resource: 'nofile', soft: 1024, hard: 524_288 },
  { op: 'rlimit', resource: 'core', soft: 0, hard: Number.POSITIVE_INFINITY },
  { op: 'keyring' },
];
const CAPABILITIES = {
  privileged: { op: 'capabilities', names: SYSTEM_CAPABILITIES.privileged },
  unprivileged: { op: 'capabilities', names: SYSTEM_CAPABILITIES.unprivileged },
} as const satisfies Record<string, InsideStep>;

/** What init and every entered process get alike. Seccomp first: loading it needs a capability. */
export function planConfinement(
  { arch, emulated }: Pick<HostFacts, 'arch' | 'emulated'>,
  privileged: boolean,
  { nesting, without }: Confinement,
): readonly InsideStep[] {
  const usual = CAPABILITIES[privileged ? 'privileged' : 'unprivileged'];
  return [
    ...SURROUNDINGS,
    {
      op: 'seccomp',
      profile: nesting ? 'nesting' : 'system',
      arch,
      ...(emulated ? { emulated: true as const } : {}),
    },
    without.length === 0
      ? usual
      : { op: 'capabilities', names: usual.names.filter((name) => !without.includes(name)) },
  ];
}
