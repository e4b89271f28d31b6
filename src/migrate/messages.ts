/**
 * What the two sides of a migration say to each other, in this order:
 *
 *   source                                  target
 *   hello ────────────────────────────────► looks whether it can have it
 *         ◄──────────────────────────────── welcome (+ listing of what an earlier try has left)
 *   (suspended) state + images ───────────► has them fit
 *   (snapshots) files, snapshot, often ───► takes one, too
 *   files + names gone + archive, often ──► brings its copy up to date
 *         ◄──────────────────────────────── done
 *   (live) memory + images of it, often ──► keeps them for the state that builds upon them
 *         ◄──────────────────────────────── done
 *   (live) still, then its last files ────► makes haste from now on
 *   (live) state + images of processes ───► restores them, and holds them
 *         ◄──────────────────────────────── restored
 *   go: they stand still here, whatever ──► lets them run, and looks whether they are well
 *         ◄──────────────────────────────── runs
 *   (post-copy) beat, and memory, often ──► asks for what is missing of the memory
 *         ◄──────────────────────────────── beat, or whole
 *   keep ─────────────────────────────────► has the container from now on
 *         ◄──────────────────────────────── kept
 *   bye: nothing of it is here any more ──► tells the network again, or starts it where it was stopped for this
 *         ◄──────────────────────────────── (stopped) started
 *
 * With post-copy the images are without memory, which follows beside the messages as the processes there need it, and all of
 * it in the end. Each `beat` has the copy run for LEASE_MS more. What stands still here is as it was, with its files: where
 * memory does not come to its end the copy is ended, and it goes on here, as if the time since had not been.
 *
 * In place of any answer may be `failed`: then nothing is left at the target. Until `go` the source lets the container go
 * on whenever it hears no more. `go` counts only within LEASE_MS of `restored`, and the copy is ended unless `keep` comes
 * within LEASE_MS of `go` or of the last `beat`: so the source knows after SURELY_OVER_MS that none runs, however long a
 * network may keep words. Whether `keep` has arrived, where no answer came, it asks on another connection (`ask`).
 */
import { CellaError, type ErrorCode, EXIT } from '../errors.js';
import type { DumpHeader } from '../state/dump.js';
import type { Snapshot } from '../state/snapshots.js';
import type { Link } from './link.js';

export const PROTOCOL = 3;
export const LEASE_MS = 10_000;
/** Twice that, and what two clocks may differ by in that time. */
export const SURELY_OVER_MS = 25_000;

/** What has to fit for processes to go on elsewhere. */
export interface LiveFacts {
  readonly arch: string;
  /** Release of the kernel. */
  readonly kernel: string;
  readonly criu: string;
  /** Abilities of the processor (proc_cpuinfo(5)). */
  readonly cpu: readonly string[];
  /** Which controllers limit a container, and of which version they are. */
  readonly cgroups: readonly string[];
  /** Its control group, as its processes see it from outside: "/cella/101". */
  readonly group: string;
}

export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  readonly ctid: number;
  /** CTID.conf. */
  readonly config: string;
  /** Action scripts of its own, by their endings. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly template: { readonly name: string; readonly digest: string | null } | null;
  /** Only to look whether it could be. */
  readonly checkOnly: boolean;
  /** What was sent stays for the next try, where this one fails. */
  readonly keep: boolean;
  /** null: it comes without its processes. */
  readonly live: LiveFacts | null;
  /** They come as a state that is to be resumed some time. */
  readonly suspended: boolean;
  readonly snapshots: number;
  /** What is not to be looked at. */
  readonly ignore: readonly Ignored[];
}

export type Ignored = 'cpu' | 'kernel';

export type Message =
  | Hello
  | { readonly type: 'ask'; readonly ctid: number }
  /**
   * `still`: the last of them; what is written to the disk has time until it is to be kept. `tree`: of the root, or of
   * bind mounts without a source.
   */
  | {
      readonly type: 'files';
      readonly tree: 'root' | 'mnt';
      readonly entries: number;
      readonly bytes: number;
      readonly still: boolean;
    }
  /** Of the files that have come so far. After it, where there is a state: images. `current`: what the container goes on from. */
  | {
      readonly type: 'snapshot';
      readonly snapshot: Omit<Snapshot, 'chain'>;
      readonly current: string | null;
      readonly state: { readonly header: DumpHeader; readonly facts: LiveFacts } | null;
    }
  /** After it: images of what has changed in memory since the round before, as an archive; the first round begins anew. */
  | { readonly type: 'memory'; readonly round: number }
  /**
   * After it: the images of its processes, as an archive. They build upon so many rounds of memory; absent: on none.
   * `lazy`: most of what they have not is still to come.
   */
  | { readonly type: 'state'; readonly header: DumpHeader; readonly memory?: number; readonly lazy?: boolean }
  /** Its processes do nothing any more. */
  | { readonly type: 'still' }
  | { readonly type: 'go' | 'beat' | 'whole' | 'bye' }
  | { readonly type: 'keep'; readonly start: boolean }
  /**
   * `onTemplate`: the files of the template are there; `goesOn`: and those of an earlier try, which `listing` tells.
   * `notAfter`: why memory cannot follow; absent: it can.
   */
  | {
      readonly type: 'welcome';
      readonly onTemplate: boolean;
      readonly goesOn: boolean;
      readonly notAfter?: string | null | undefined;
    }
  /** After it: the list of them, as in a backup. */
  | { readonly type: 'listing' }
  | { readonly type: 'done' | 'restored' | 'runs' | 'kept' | 'started' | 'none' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly hint?: string };

type Type = Message['type'];
type Of<T extends Type> = Extract<Message, { readonly type: T }>;

/** The next message, which is to be of one of these; what the other side says in place of it is thrown. */
export async function expect<T extends Type>(
  link: Link,
  types: readonly T[],
  within?: number,
): Promise<Of<T>> {
  const message = (await link.receive(within)) as Message | null;
  if (message?.type === 'failed') throw failureOf(message);
  if (message && (types as readonly string[]).includes(message.type)) return message as Of<T>;
  throw new CellaError('CONNECTION_LOST', `the other side did not say '${types.join("' or '")}'`);
}

/** What the other side says of itself, so that it has taken everything back. */
export class RemoteError extends CellaError {}

export function failureOf({ code, message, hint }: Of<'failed'>): RemoteError {
  const known = Object.hasOwn(EXIT, code) ? (code as ErrorCode) : 'MIGRATION_FAILED';
  return new RemoteError(
    known,
    `${String(message).slice(0, 4096)} (there)`,
    hint === undefined ? {} : { hint: String(hint).slice(0, 4096) },
  );
}

export function failed(error: unknown): Of<'failed'> {
  const message = error instanceof Error ? error.message : String(error);
  const { code = 'MIGRATION_FAILED', hint } = error instanceof CellaError ? error : {};
  return { type: 'failed', code, message, ...(hint === undefined ? {} : { hint }) };
}
