/** How the memory of a container goes to where its processes go on. Pure. */
import { CellaError } from '../errors.js';

export const MIGRATE_MODES = ['auto', 'stop', 'pre-copy', 'post-copy', 'hybrid'] as const;

/**
 * `stop`: when nothing of it runs any more. `pre-copy`: most of it before that. `post-copy`: most of it after that, as it is
 * needed there. `hybrid`: both. `auto`: as is better.
 */
export type MigrateMode = (typeof MIGRATE_MODES)[number];

export interface MemoryFacts {
  /** Bytes that are in use. */
  readonly used: number;
  /** Why it cannot go ahead of its container, or follow it; undefined: it can. */
  readonly notAhead?: string | undefined;
  readonly notAfter?: string | undefined;
}

/** When it goes, apart from the moment in which nothing runs. */
export interface MemoryWay {
  readonly ahead: boolean;
  /** `if needed`: where it is changed as fast as it can go ahead. */
  readonly after: boolean | 'if needed';
}

/** Bytes, of which a dump takes no time to speak of. */
const SMALL = 128 << 20;

/** Fails where what is asked for cannot be done. */
export function chooseWay(mode: MigrateMode, { used, notAhead, notAfter }: MemoryFacts): MemoryWay {
  if (mode === 'auto') return chooseBetter(used, notAhead === undefined, notAfter === undefined);
  const ahead = mode === 'pre-copy' || mode === 'hybrid';
  const after = mode === 'post-copy' || mode === 'hybrid';
  const why = (ahead ? notAhead : undefined) ?? (after ? notAfter : undefined);
  if (why !== undefined)
    throw new CellaError('MIGRATION_FAILED', `mode '${mode}' is not possible: ${why}`, {
      hint: 'Leave --mode out for what is, or say --mode stop.',
    });
  return { ahead, after };
}

/** What follows is lost with the connection, and the container is back where it was then: not for what need not. */
function chooseBetter(used: number, canGoAhead: boolean, canFollow: boolean): MemoryWay {
  if (used <= SMALL) return { ahead: false, after: false };
  if (canGoAhead) return { ahead: true, after: canFollow ? 'if needed' : false };
  return { ahead: false, after: canFollow };
}

/** Whether what is left after the rounds of memory that went ahead is to follow: all of it, where there were none. */
export function followsAfter({ after }: MemoryWay, rounds: readonly { readonly bytes: number }[]): boolean {
  return after === 'if needed' ? (rounds.at(-1)?.bytes ?? Number.POSITIVE_INFINITY) > SMALL : after;
}
