/** Which sizes of huge pages the kernel has (Documentation/admin-guide/mm/hugetlbpage.rst). */
import { readdirSync } from 'node:fs';
import { isErrno } from '../errors.js';

/** Bytes. */
export function hugepageSizes(): readonly bigint[] {
  try {
    return readdirSync('/sys/kernel/mm/hugepages').flatMap((name) => {
      const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      return kilobytes === undefined ? [] : [BigInt(kilobytes) << 10n];
    });
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
