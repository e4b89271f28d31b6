/** Which CRIU a kernel needs. Pure. */

/** [major, minor, sublevel]. */
export type Version = readonly [number, number, number];

/** Newest first: from which kernel on, which CRIU, and how an older one fails there. */
const NEEDED: readonly { readonly kernel: Version; readonly criu: Version; readonly why: string }[] = [
  { kernel: [6, 16, 0], criu: [4, 2, 0], why: 'older ones ask sockets for what they do not have any more' },
  { kernel: [6, 13, 0], criu: [4, 1, 0], why: 'older ones do not know how its vDSO is laid out' },
];

/** Of any kernel: rseq of glibc 2.35, memory of glibc 2.40, and cgroup.kill. */
const OLDEST = { criu: [4, 0, 0], why: 'older ones restore no programs of current C libraries' } as const;

/** The oldest that works, and why. */
export function neededCriu(kernel: Version): { readonly criu: Version; readonly why: string } {
  return NEEDED.find((each) => compareVersions(kernel, each.kernel) >= 0) ?? OLDEST;
}

/** As "6.12.118-amd64" or "4.1.1"; what is missing is 0. */
export function parseVersion(text: string): Version {
  const [, major = 0, minor = 0, sublevel = 0] = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text) ?? [];
  return [Number(major), Number(minor), Number(sublevel)];
}

export function formatVersion([major, minor, sublevel]: Version): string {
  return sublevel === 0 ? `${major}.${minor}` : `${major}.${minor}.${sublevel}`;
}

/** Negative: the first is the older one. */
export function compareVersions(first: Version, second: Version): number {
  const at = first.findIndex((part, i) => part !== second[i]);
  return at < 0 ? 0 : (first[at] ?? 0) - (second[at] ?? 0);
}

/** Of two releases, by their first two numbers: what comes after them mends. */
export function isOlderKernel(one: string, other: string): boolean {
  const [[a, b], [c, d]] = [parseVersion(one), parseVersion(other)];
  return compareVersions([a, b, 0], [c, d, 0]) < 0;
}
