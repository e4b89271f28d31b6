/** How long a guest that reboots again and again is kept waiting. Pure. */

/** Who ran for so long has not failed to boot. */
const STEADY_MS = 30_000;
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;

export interface Attempts {
  /** Short runs in a row. */
  readonly count: number;
}

export const NO_ATTEMPTS: Attempts = { count: 0 };

/** `ranMs`: how long it ran this time. The first short run costs nothing, then each doubles the pause. */
export function afterRun({ count }: Attempts, ranMs: number): Attempts & { readonly pauseMs: number } {
  if (ranMs >= STEADY_MS) return { count: 0, pauseMs: 0 };
  const pauseMs = count === 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(count - 1, 16));
  return { count: count + 1, pauseMs };
}
