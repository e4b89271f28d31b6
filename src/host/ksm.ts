/** Merging of equal pages (Documentation/admin-guide/mm/ksm.rst). */
import { existsSync } from 'node:fs';
import { release } from 'node:os';

const SYSFS = '/sys/kernel/mm/ksm';

/** Why a container's pages are not merged, as a clause; undefined: they can be. */
export function whyNoKsm(kernel = release(), sysfs = SYSFS): string | undefined {
  if (!existsSync(`${sysfs}/run`)) return 'its kernel cannot merge pages';
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  // prctl(PR_SET_MEMORY_MERGE) is there since 6.4, but a program's start undid it.
  if (major < 6 || (major === 6 && minor < 7)) return 'it takes Linux 6.7';
  return undefined;
}
