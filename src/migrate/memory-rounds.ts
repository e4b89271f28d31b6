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
/** What each round has to be of the one before it, at most: else it changes as fast as it is sent. */
const SHRINKS = 0.9;

/** Whether what has changed since the last of these is to be sent once nothing runs any more. */
export function isEnough(rounds: readonly Pick<MemoryRound, 'bytes'>[]): boolean {
  const [before, last] = [rounds.at(-2), rounds.at(-1)];
  if (!last) return false;
  if (rounds.length >= MOST_ROUNDS || last.bytes <= FEW_PAGES * PAGE) return true;
  return before !== undefined && last.bytes > before.bytes * SHRINKS;
}
