/** A container's private area is replaced by another one, beside it or elsewhere; killed anywhere, it has the one or the other. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { faultPoint } from '../fault.js';
import { copyTree } from '../host/storage/directory.js';
import { removeArea } from '../host/storage/index.js';
import { renameArea } from '../host/storage/rename.js';
import { ownMounts } from '../plan/equipment.js';
import { syncDirectory, writeFileAtomic } from '../state/atomic-file.js';
import { readText } from '../state/text-file.js';
import { withUndo } from '../undo.js';
import { condemnedArea, prepareParent, stagingArea } from './area.js';
import type { Context } from './context.js';

export interface Replacement {
  readonly config: ContainerConfig;
  /** What the config is to be: its layout, its private area or both differ. */
  readonly text: string;
  /** Makes the new area, as the container's; none: the old one gets another name on its file system. */
  readonly fill?: (staged: ContainerConfig) => Promise<void>;
}

export async function replaceArea(context: Context, { config, text, fill }: Replacement): Promise<void> {
  const { ctid } = config;
  const [filling, replacing] = [context.paths.filling(ctid), context.paths.replacing(ctid)];
  const next = context.readContainer(ctid, text, filling);
  prepareParent(next);
  await withUndo(async (undo) => {
    const privateArea = stagingArea(next.privateArea);
    undo.push('write config', () => rmSync(filling, { force: true }));
    writeFileAtomic(filling, text, { durable: true });
    faultPoint('replace.begun');
    undo.push('make private area', () => removeArea(privateArea));
    await fill?.({ ...next, privateArea });
    if (fill) await carryMounts(config.privateArea, privateArea);
    faultPoint('replace.filled');
    renameSync(filling, replacing);
    syncDirectory(context.paths.configDir);
  });
  faultPoint('replace.decided');
  await finishReplace(context, config);
}

/** What containers keep outside their tree: bind mounts without a source. */
async function carryMounts(from: string, to: string): Promise<void> {
  const source = ownMounts(from);
  if (existsSync(source)) await copyTree(source, ownMounts(to));
}

/**
 * The end of it, for whoever began it or comes after it was killed: each step may be done already. Undecided, it is
 * taken back. False where there is nothing to finish.
 */
export async function finishReplace(context: Context, config: ContainerConfig): Promise<boolean> {
  const { ctid } = config;
  const [filling, replacing] = [context.paths.filling(ctid), context.paths.replacing(ctid)];
  const [begun, decided] = [readText(filling), readText(replacing)];
  if (decided !== undefined) {
    await putInPlace(config, context.readContainer(ctid, decided, replacing));
    renameSync(replacing, context.paths.config(ctid));
    syncDirectory(context.paths.configDir);
    return true;
  }
  if (begun === undefined) return false;
  await removeArea(stagingArea(context.readContainer(ctid, begun, filling).privateArea));
  rmSync(filling, { force: true });
  return true;
}

async function putInPlace(before: ContainerConfig, after: ContainerConfig): Promise<void> {
  const staging = stagingArea(after.privateArea);
  const old = `${condemnedArea(before.privateArea)}.old`;
  if (existsSync(staging)) {
    if (existsSync(before.privateArea)) renameArea(before.privateArea, old);
    faultPoint('replace.aside');
    renameArea(staging, after.privateArea);
  } else if (!existsSync(after.privateArea)) renameArea(before.privateArea, after.privateArea);
  faultPoint('replace.placed');
  // Before the config stops telling where it was.
  await removeArea(old);
  faultPoint('replace.removed');
}
