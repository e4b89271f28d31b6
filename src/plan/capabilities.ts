/** Capabilities by name, and which of them a system container keeps. */
import { CAPABILITY_NAMES } from '../config/switches.js';

/** Number of each capability (capabilities(7), linux/capability.h). */
export const CAPABILITIES: Readonly<Record<string, number>> = Object.fromEntries(
  CAPABILITY_NAMES.map((name, number) => [`CAP_${name}`, number]),
);

export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => {
    const number = Object.hasOwn(CAPABILITIES, name) ? CAPABILITIES[name] : undefined;
    if (number === undefined) throw new RangeError(`unknown capability '${name}'`);
    return mask | (1n << BigInt(number));
  }, 0n);
}

/** Not namespaced: they would act on the host whatever the user namespace says, or serve nothing inside. */
const NEVER = [
  'SYS_RAWIO',
  'SYS_MODULE',
  'SYS_TIME',
  'MAC_ADMIN',
  'MAC_OVERRIDE',
  'BLOCK_SUSPEND',
  'WAKE_ALARM',
];

/** Root of the host must not get these back: reading past the root, logs, tracing, audit. */
const NEVER_PRIVILEGED = [
  ...NEVER,
  'DAC_READ_SEARCH',
  'SYSLOG',
  'BPF',
  'PERFMON',
  'CHECKPOINT_RESTORE',
  'AUDIT_CONTROL',
  'AUDIT_READ',
  'LINUX_IMMUTABLE',
  'SYS_PACCT',
];

const without = (dropped: readonly string[]): readonly string[] =>
  CAPABILITY_NAMES.filter((name) => !dropped.includes(name)).map((name) => `CAP_${name}`);

/** What init and everything in a container may at most have. */
export const SYSTEM_CAPABILITIES = {
  unprivileged: without(NEVER),
  privileged: without(NEVER_PRIVILEGED),
} as const;
