/** Whether the memory limits of what runs leave room for one more container. Pure. */

export interface AdmissionPolicy {
  readonly mode: 'refuse' | 'warn' | 'off';
  /** Percent of memory that limits may add up to. */
  readonly overcommit: number | 'unlimited';
}

/** Bytes. */
export interface Claim {
  /** Undefined: no limit, which is a claim on all of it. */
  readonly limit: bigint | undefined;
  readonly promised: bigint;
}

/** Why not, as an end of a sentence; undefined: there is room. `total`: bytes of memory. */
export function overcommitted(
  { overcommit }: Pick<AdmissionPolicy, 'overcommit'>,
  total: bigint,
  claims: readonly Claim[],
): string | undefined {
  const promised = claims.reduce((sum, claim) => sum + claim.promised, 0n);
  if (promised > total)
    return `what is guaranteed to running containers would be ${share(promised, total)} of memory`;
  if (overcommit === 'unlimited') return undefined;
  const limits = claims.reduce((sum, { limit }) => sum + (limit ?? total), 0n);
  if (limits * 100n <= total * BigInt(overcommit)) return undefined;
  return `memory limits of running containers would be ${share(limits, total)} of memory, and OVERCOMMIT_MEMORY is ${overcommit}%`;
}

/** Rounded up: what is too much is to look like it. */
function share(part: bigint, whole: bigint): string {
  return `${whole === 0n ? 0n : (part * 100n + whole - 1n) / whole}%`;
}
