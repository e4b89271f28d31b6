/** How long it is worth sending memory while it is being changed. Pure. */

export interface MemoryRound {
  /** Bytes of memory. */
  readonly bytes: number;
  /** How long its processes were held for it, ms. */
  readonly still: number;
}

export const MOST_ROUNDS = 8;
const PAGE = 4096;
const FEW_PAGES = 64;
/** More than the one before it, by which it changes faster than it is sent; and as much as that, which once may be chance. */
const [GROWN, SAME] = [1.1, 0.9];

/** Whether what has changed since the last of these is to be sent once nothing runs any more. */
export function isEnough(rounds: readonly Pick<MemoryRound, 'bytes'>[]): boolean {
  const [older, before, last] = [rounds.at(-3), rounds.at(-2), rounds.at(-1)];
  if (!last) return false;
  if (rounds.length >= MOST_ROUNDS || last.bytes <= FEW_PAGES * PAGE) return true;
  if (!before || last.bytes <= before.bytes * SAME) return false;
  return last.bytes > before.bytes * GROWN || (older !== undefined && before.bytes > older.bytes * SAME);
}
