/** What of a virtual machine's tree a container has no use for. Pure. */

/** A directory of the tree and the names in it. */
export type Listing = Readonly<Record<string, readonly string[]>>;

/** Emptied: what boots the machine, and what others are mounted on. */
export const EMPTIED = [
  'boot',
  'efi',
  'lib/modules',
  'usr/lib/modules',
  'dev',
  'proc',
  'sys',
  'run',
] as const;

/** Told as left out: mount points' contents are of no interest. */
const TOLD: readonly string[] = ['boot', 'efi', 'lib/modules', 'usr/lib/modules'];

/** Paths that will not be copied, for people. */
export function leftOut(listing: Listing, swapFiles: readonly string[]): readonly string[] {
  const kernels = TOLD.flatMap((directory) =>
    (listing[directory] ?? []).map((name) => `/${directory}/${name}`),
  );
  return [...kernels, ...swapFiles];
}

/** The same for tar(1), as options; `at`: where the volume is mounted in the tree, "" for the root. */
export function exclusions(at: string, swapFiles: readonly string[]): readonly string[] {
  const below = (path: string): string[] => {
    if (at === '') return [path];
    return path.startsWith(`${at}/`) ? [path.slice(at.length + 1)] : [];
  };
  const contents = EMPTIED.flatMap(below).map((path) => `--exclude=./${path}/*`);
  const files = swapFiles.map((path) => path.slice(1)).flatMap(below);
  return [
    '--anchored',
    '--wildcards',
    '--wildcards-match-slash',
    '--exclude=./lost+found',
    ...contents,
    '--no-wildcards',
    ...files.map((path) => `--exclude=./${path}`),
  ];
}
