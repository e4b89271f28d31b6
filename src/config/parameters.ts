/** The one table of configuration parameters: key, command-line option, value and help. */
import { COUNTS } from './parameters/counts.js';
import { CPU } from './parameters/cpu.js';
import { DISK } from './parameters/disk.js';
import { HOST } from './parameters/host.js';
import { IDENTITY } from './parameters/identity.js';
import { MEMORY } from './parameters/memory.js';
import { NETWORK } from './parameters/network.js';
import type { Parameter } from './parameters/parameter.js';
import { SECURITY } from './parameters/security.js';

export type { Parameter } from './parameters/parameter.js';

/** By subject, as pages of manual show them; a key with two options has two rows. */
export const SUBJECTS = {
  Identity: IDENTITY,
  Memory: MEMORY,
  Counts: COUNTS,
  CPU,
  Disk: DISK,
  Network: NETWORK,
  Security: SECURITY,
  Host: HOST,
} as const satisfies Record<string, readonly Parameter[]>;

export const PARAMETERS: readonly Parameter[] = Object.values(SUBJECTS).flat();

const BY_KEY: ReadonlyMap<string, Parameter> = new Map(
  // Of several rows the first one, and that is how the file has it.
  PARAMETERS.toReversed().map((parameter) => [parameter.key, parameter]),
);

/** The first row of a key; undefined for keys that nobody knows. */
export function findByKey(key: string): Parameter | undefined {
  return BY_KEY.get(key);
}

/** Whether the key may stand only once in CTID.conf. */
export function isContainerScalar(key: string): boolean {
  return findByKey(key)?.scope === 'container' && isScalar(key);
}

/** Whether the key may stand only once in a file: one value counts, and it does something. */
export function isScalar(key: string): boolean {
  const parameter = findByKey(key);
  return parameter?.effect === 'yes' && parameter.value.list === undefined;
}

/** The parameter an option sets, the name given as `stop-timeout`, `stopTimeout` or `--stop-timeout`. */
export function findByOption(name: string): Parameter | undefined {
  const wanted = normalize(name);
  return PARAMETERS.find(({ option }) => option !== undefined && normalize(option) === wanted);
}

function normalize(option: string): string {
  return option
    .replace(/^--/, '')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    .replaceAll('_', '-');
}
