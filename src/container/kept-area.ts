/** What a migration that failed had brought here, kept on request: the next one of that container goes on from it. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatLayout } from '../config/layout.js';
import { removeArea } from '../host/storage/index.js';
import { ownMounts } from '../plan/equipment.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readText } from '../state/text-file.js';
import { keptArea } from './area.js';
import { type Context, templateOf } from './context.js';

/** Names it; there before the area is, so that whoever comes next knows of it. */
interface Kept {
  readonly privateArea: string;
  /** What has to be the same for it to be filled further. */
  readonly made: string;
}

/** Whether there is one that this container's files can be made of. */
export function fitsKept(context: Context, config: ContainerConfig): boolean {
  const kept = readKept(context, config.ctid);
  const { privateArea } = config;
  if (kept?.privateArea !== privateArea || kept.made !== madeOf(context, config)) return false;
  return existsSync(keptArea(privateArea));
}

/** It is a container's from now on, that is being made at `path`. */
export function takeKept(context: Context, { ctid, privateArea }: ContainerConfig, path: string): void {
  renameSync(keptArea(privateArea), path);
  rmSync(context.paths.kept(ctid));
  // Of which no list is made.
  rmSync(ownMounts(path), { recursive: true, force: true });
}

/** Of a container that did not come to be: nothing is in use of it. */
export async function keepArea(context: Context, config: ContainerConfig, path: string): Promise<void> {
  if (!existsSync(path)) return;
  const { ctid, privateArea } = config;
  await dropKept(context, ctid);
  const kept: Kept = { privateArea, made: madeOf(context, config) };
  writeFileAtomic(context.paths.kept(ctid), JSON.stringify(kept), { durable: true });
  renameSync(path, keptArea(privateArea));
}

/** Whether there was one. */
export async function dropKept(context: Context, ctid: Ctid): Promise<boolean> {
  const kept = readKept(context, ctid);
  if (!kept) return false;
  await removeArea(keptArea(kept.privateArea));
  rmSync(context.paths.kept(ctid));
  return true;
}

function readKept({ paths }: Context, ctid: Ctid): Kept | undefined {
  const text = readText(paths.kept(ctid));
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

function madeOf(context: Context, { layout, disk, template }: ContainerConfig): string {
  const { space, inodes } = disk;
  const limits = [space?.hard, inodes?.hard];
  const below =
    layout.tree === 'plain' || template === undefined
      ? ''
      : (templateOf(context, template).manifest.digest ?? '');
  return [formatLayout(layout), ...limits, below].join(' ');
}
