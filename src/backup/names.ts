/** Names of backups as vzdump makes them, in UTC so that they sort as they came. */
import { basename, dirname, join } from 'node:path';

const PREFIX = 'vzdump-cella';
export const SUFFIX = '.tar.zst';
const PARTIAL = '.partial';

/** `vzdump-cella-101-2026_01_31-23_59_59.tar.zst`, the second one of a second with `_2` before the dot. */
export function backupName(ctid: number, date: Date, isTaken: (name: string) => boolean): string {
  const time = date.toISOString().slice(0, 19).replaceAll('-', '_').replaceAll(':', '_').replace('T', '-');
  for (let i = 1; ; i += 1) {
    const name = `${PREFIX}-${ctid}-${time}${i === 1 ? '' : `_${i}`}${SUFFIX}`;
    if (!isTaken(name)) return name;
  }
}

/** What it is called while it is being written. */
export function partialName(file: string): string {
  return join(dirname(file), `.${basename(file)}${PARTIAL}`);
}

/** Whether this is what a cut short backup of the container has left. */
export function isPartialOf(ctid: number, name: string): boolean {
  return name.startsWith(`.${PREFIX}-${ctid}-`) && name.endsWith(`${SUFFIX}${PARTIAL}`);
}

/** Whether a file of this name may be a backup at all. */
export function isBackupName(name: string): boolean {
  return name.endsWith(SUFFIX) && !name.startsWith('.');
}
