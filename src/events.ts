/** What the library tells while it works: it never prints. */

export type Verb =
  | 'create'
  | 'clone'
  | 'compact'
  | 'convert'
  | 'move'
  | 'destroy'
  | 'start'
  | 'stop'
  | 'suspend'
  | 'resume'
  | 'migrate'
  | 'receive'
  | 'restart'
  | 'mount'
  | 'umount'
  | 'set'
  | 'exec'
  | 'diff'
  | 'enter'
  | 'runscript'
  | 'export'
  | 'backup'
  | 'restore'
  | 'import'
  | 'snapshot'
  | 'snapshot-switch'
  | 'snapshot-delete'
  | 'snapshot-mount'
  | 'snapshot-umount';

export type Leftover =
  | 'create'
  | 'destroy'
  | 'start'
  | 'suspend'
  | 'resume'
  | 'migration'
  | 'run'
  | 'snapshot'
  | 'replacement'
  | 'move'
  | 'script';

export type HostEvent =
  | { readonly type: 'begun' | 'done'; readonly ctid: number; readonly verb: Verb }
  | { readonly type: 'failed'; readonly ctid: number; readonly verb: Verb; readonly error: unknown }
  | { readonly type: 'mounted' | 'unmounted'; readonly ctid: number }
  /** Past this point a removal is only ever finished. */
  | { readonly type: 'removing'; readonly ctid: number; readonly privateArea: string }
  /** What a killed command had left half done was taken away: half a container, half a removal, a dead init's remains. */
  | { readonly type: 'recovered'; readonly ctid: number; readonly left: Leftover }
  /** A line that an action script wrote, as "101.mount". */
  | { readonly type: 'script'; readonly ctid: number; readonly script: string; readonly line: string }
  | { readonly type: 'warning'; readonly ctid: number | undefined; readonly message: string };

/** Called as things happen, on the caller's own thread; what it throws is the caller's failure. */
export type Reporter = (event: HostEvent) => void;
