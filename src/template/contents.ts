/** What is in a template's root file system: how much, and which packages. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { isErrno } from '../errors.js';

export interface Contents {
  /** Bytes of regular files, each counted once however many names it has. */
  readonly size: number;
  /** Entries of every kind. */
  readonly files: number;
  /** Name → version. */
  readonly packages: Readonly<Record<string, string>>;
}

export function contentsOf(rootfs: string): Contents {
  const seen = new Set<number>();
  let [size, files] = [0, 0];
  for (const entry of readdirSync(rootfs, { recursive: true, withFileTypes: true })) {
    files += 1;
    if (!entry.isFile()) continue;
    const { ino, nlink, size: bytes } = lstatSync(`${entry.parentPath}/${entry.name}`);
    if (nlink > 1 && seen.has(ino)) continue;
    seen.add(ino);
    size += bytes;
  }
  return { size, files, packages: packagesOf(rootfs) };
}

/** As dpkg-query tells it, read from dpkg's own list, so that the host need not have dpkg. */
function packagesOf(rootfs: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(`${rootfs}/var/lib/dpkg/status`, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return {};
    throw error;
  }
  return Object.fromEntries(
    text.split('\n\n').flatMap((stanza): readonly (readonly [string, string])[] => {
      const field = (name: string): string | undefined =>
        new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
      const [name, version] = [field('Package'), field('Version')];
      const isInstalled = field('Status')?.endsWith(' installed') ?? false;
      return name !== undefined && version !== undefined && isInstalled ? [[name, version]] : [];
    }),
  );
}
