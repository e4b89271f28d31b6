/** A control group that a guest has made, as it is kept with the container's state. */
export interface SavedGroup {
  /** Below the container's own; '': that itself. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** What the groups in it may have. */
  readonly controllers: readonly string[];
  /** Files with what is in them, where that is not what a new group has. */
  readonly limits: Readonly<Record<string, string>>;
}
