/** The end of a change of ids, for whoever made it or comes after it was killed. */
import { existsSync, rmSync } from 'node:fs';
import { type Ctid, parseCtid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import { removeMountPoint } from '../host/mounts.js';
import { renameArea } from '../host/storage/rename.js';
import { ALLOCATION, takeLock } from '../state/lock.js';
import { readText } from '../state/text-file.js';
import { dropScriptsAside, moveScripts } from './action-files.js';
import { type Context, lockDirectory } from './context.js';
import { relinkName } from './names.js';

export interface Ids {
  readonly from: Ctid;
  readonly to: Ctid;
}

/** Of either id, with its lock held, for whoever comes after one that was killed; false if there is nothing to finish. */
export async function finishRenumber(context: Context, ctid: Ctid): Promise<boolean> {
  const path = context.paths.renaming(ctid);
  if (!existsSync(path)) return false;
  // The other id's lock may be anybody's: this one keeps two from finishing it at once.
  using _ids = await takeLock({ directory: lockDirectory(context), name: ALLOCATION, verb: 'move' });
  const [from, to] = (readText(path) ?? '').trim().split(' ');
  if (from === undefined || to === undefined) return false;
  finishRenamed(context, { from: parseCtid(from), to: parseCtid(to) });
  return true;
}

/** Undecided, the container has its old id, and only the marks go; each step may be done already. */
export function finishRenamed(context: Context, { from, to }: Ids): void {
  const { paths } = context;
  const text = existsSync(paths.config(from)) ? undefined : readText(paths.config(to));
  if (text !== undefined) {
    const before = context.readContainer(from, text, paths.config(from));
    const after = context.readContainer(to, text, paths.config(to));
    if (!existsSync(after.privateArea) && existsSync(before.privateArea))
      renameArea(before.privateArea, after.privateArea);
    faultPoint('move.placed');
    if (after.name !== undefined) relinkName(context, after.name, { from, to });
    faultPoint('move.named');
    moveScripts(context, { from, to });
    dropScriptsAside(context, to);
    rmSync(`${paths.config(to)}.destroyed`, { force: true });
    removeMountPoint(before.root);
  }
  for (const ctid of [to, from]) rmSync(paths.renaming(ctid), { force: true });
}
