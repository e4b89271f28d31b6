/** How much processes of a control group wait for what is short (Documentation/accounting/psi.rst; Linux 5.2). */
import type { GroupFiles } from './cgroup/group-files.js';

/** Percent of the last ten seconds in which at least one of them waited; null: this host does not tell. */
export interface Pressure {
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly io: number | null;
}

/** `files`: of all of the container's groups; that of v2 tells, whether it has controllers or not. */
export function pressureOf(files: GroupFiles): Pressure {
  const of = (what: string): number | null => parsePressure(files.text(`${what}.pressure`));
  return { cpu: of('cpu'), memory: of('memory'), io: of('io') };
}

export const RESOURCES = ['cpu', 'memory', 'io'] as const;
type Resource = (typeof RESOURCES)[number];

/** Since the group was made, microseconds: how long at least one process waited, and how long all that had work did. */
export interface Waited {
  readonly resource: Resource;
  readonly some: bigint;
  /** Of cpu from Linux 5.13 on; null before that. */
  readonly full: bigint | null;
}

/** Nothing where this host does not tell. */
export function waitedFor(files: GroupFiles): readonly Waited[] {
  return RESOURCES.flatMap((resource) => {
    const text = files.text(`${resource}.pressure`);
    const some = parseTotal(text, 'some');
    return some === null ? [] : [{ resource, some, full: parseTotal(text, 'full') }];
  });
}

export function parseTotal(text: string | undefined, kind: 'some' | 'full'): bigint | null {
  const total = new RegExp(`^${kind} .*\\btotal=(\\d+)$`, 'm').exec(text ?? '')?.[1];
  return total === undefined ? null : BigInt(total);
}

export function parsePressure(text: string | undefined): number | null {
  const average = /^some avg10=(\d+\.\d+)/m.exec(text ?? '')?.[1];
  return average === undefined ? null : Number(average);
}
