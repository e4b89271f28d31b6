/** Which containers start when the host boots, and in what order. Pure. */
import type { Ctid } from '../config/ctid.js';

export interface BootCandidate {
  readonly ctid: Ctid;
  /** Undefined: if it ran when the host went down. */
  readonly onboot: boolean | undefined;
  readonly bootorder: number | undefined;
  readonly disabled: boolean;
}

/** Those with the higher BOOTORDER first, those without one last; equals by id. */
export function inBootOrder<T extends Pick<BootCandidate, 'ctid' | 'bootorder'>>(
  candidates: readonly T[],
): readonly T[] {
  const order = ({ bootorder }: T): number => bootorder ?? -1;
  return [...candidates].sort((a, b) => order(b) - order(a) || a.ctid - b.ctid);
}

/** `ranBefore`: what ran when the host went down. */
export function planBoot(
  candidates: readonly BootCandidate[],
  ranBefore: ReadonlySet<number>,
): readonly Ctid[] {
  const wanted = candidates.filter(
    ({ ctid, onboot, disabled }) => !disabled && (onboot ?? ranBefore.has(ctid)),
  );
  return inBootOrder(wanted).map(({ ctid }) => ctid);
}
