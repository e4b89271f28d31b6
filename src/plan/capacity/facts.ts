/** What a host has, and what its containers hold and were promised of it, as data. */

export interface HostResources {
  /** Bytes; `available`: what can be had without swapping. */
  readonly memory: { readonly total: bigint; readonly available: bigint };
  /** Bytes. */
  readonly swap: { readonly total: bigint; readonly free: bigint };
  /** Bytes that programs have asked for, used or not; `limit`: null where the kernel refuses nothing for that. */
  readonly committed: { readonly held: bigint; readonly limit: bigint | null };
  /** Processes and threads. */
  readonly tasks: { readonly held: number; readonly limit: number };
  /** `bogomips`: of all together; null: this machine does not tell. */
  readonly cpu: { readonly count: number; readonly bogomips: number | null };
}

export interface ContainerResources {
  readonly ctid: number;
  readonly name: string | null;
  readonly template: string | null;
  readonly running: boolean;
  /** Bytes, and processes and threads; null: this host does not count it. Nothing of one that does not run. */
  readonly held: { readonly memory: bigint | null; readonly swap: bigint | null; readonly tasks: number };
  /** Bytes of memory that its configuration has kept for it. */
  readonly promised: bigint;
  /** Bytes, and processes and threads; null: no limit. */
  readonly limits: {
    readonly memory: bigint | null;
    readonly swap: bigint | null;
    readonly tasks: bigint | null;
  };
  /** Weight, 1000 is usual; `limit`: percent of one processor, null: no limit. */
  readonly cpu: { readonly units: number; readonly limit: number | null };
}

export interface Capacity {
  readonly host: HostResources;
  /** By number. */
  readonly containers: readonly ContainerResources[];
}

/** What of memory is promised by a configuration: a guarantee above its own limit is worth no more than that. */
export function promisedMemory(
  guarantee: { readonly low: bigint | undefined; readonly min: bigint | undefined },
  limit: bigint | undefined,
  total: bigint,
): bigint {
  const [low, min] = [guarantee.low ?? 0n, guarantee.min ?? 0n];
  return [limit ?? total, total].reduce((least, at) => (at < least ? at : least), low > min ? low : min);
}
