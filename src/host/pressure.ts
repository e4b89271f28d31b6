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

export function parsePressure(text: string | undefined): number | null {
  const average = /^some avg10=(\d+\.\d+)/m.exec(text ?? '')?.[1];
  return average === undefined ? null : Number(average);
}
