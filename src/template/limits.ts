/** What an archive may ask of the host before it counts as an attack on it. */

export interface UnpackLimits {
  /** Of all regular files, the holes of sparse ones included. */
  readonly bytes: number;
  readonly entries: number;
  /** Bytes of a whole path (PATH_MAX less its end), and of one name in it (NAME_MAX). */
  readonly pathLength: number;
  readonly nameLength: number;
  readonly depth: number;
  /** Bytes of one entry's extended attributes. */
  readonly xattrs: number;
  /** Between the holes of one sparse file. */
  readonly pieces: number;
}

export const DEFAULT_LIMITS: UnpackLimits = {
  bytes: 64 * 2 ** 30,
  entries: 4_000_000,
  pathLength: 4095,
  nameLength: 255,
  depth: 256,
  xattrs: 65_536,
  pieces: 1_000_000,
};
