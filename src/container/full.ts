/** A full disk may show anywhere in a verb. */
import type { Ctid } from '../config/ctid.js';
import { CellaError, firstCoded, isFull } from '../errors.js';
import type { Verb } from '../events.js';

/** What was failed with, in words where all that is known of it is that no space is left. */
export function explainFull(ctid: Ctid, verb: Verb, cause: unknown): unknown {
  const known = cause instanceof AggregateError || (firstCoded(cause)?.code ?? 'SYSTEM') !== 'SYSTEM';
  if (known || !isFull(cause)) return cause;
  return new CellaError('NO_SPACE', `${verb} of container ${ctid} failed: no space is left`, { cause });
}
