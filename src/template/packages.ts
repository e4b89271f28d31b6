/** Which packages are in a template's root file system, by name and version. */
import { readFileSync } from 'node:fs';
import { isErrno } from '../errors.js';

/** As dpkg-query tells it, read from dpkg's own list, so that the host need not have dpkg. */
export function packagesOf(rootfs: string): Readonly<Record<string, string>> {
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
