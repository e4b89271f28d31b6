/** A disk image of a virtual machine → the tree of files that a container is made of. */
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { faultPoint } from '../fault.js';
import { type Undo, withUndo } from '../undo.js';
import { namesBeneath, readBeneath, rewriteBeneath } from './beneath.js';
import { EMPTIED, exclusions, leftOut } from './clean.js';
import { checkSize, inspect, MAX_VIRTUAL_SIZE, toRaw } from './convert.js';
import { copyTree, ensureDirectory, removeDevices } from './copy-tree.js';
import type { DiskReporter } from './events.js';
import { findExtras, findRoot, type Root } from './find-root.js';
import { type Format, formatOf, statedSize } from './formats.js';
import { swapFiles, withoutDisks } from './fstab.js';
import { PrivateMounts } from './mounts.js';
import { OpenVolumes } from './open-volume.js';
import { prettyName } from './root-tree.js';
import { openSource } from './source.js';
import { withSpace } from './space.js';
import { needTools } from './tools.js';
import { type Disk, findVolumes } from './volumes.js';

export interface ImportOptions {
  /** The volume that holds the root file system, as `1` or `group/volume`. Default: it is looked for. */
  readonly root?: string | undefined;
  /** Also reads file systems that are broken or were not unmounted. */
  readonly force?: boolean | undefined;
  /** Largest virtual size in bytes. Default: 2 TiB. */
  readonly maxSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly report?: DiskReporter | undefined;
}

export interface ImportedDisk {
  readonly format: Format;
  /** Bytes that the machine saw. */
  readonly size: number;
  readonly table: Disk['table'];
  /** Name of the volume that the root came from. */
  readonly root: string;
  /** Other volumes, by where they are in the tree. */
  readonly extras: Readonly<Record<string, string>>;
  /** PRETTY_NAME of its os-release; "" where it has none. */
  readonly system: string;
  /** Kernels, boot loaders, modules and swap files that were not copied. */
  readonly leftOut: readonly string[];
}

/** Makes the directory `tree`, which must not exist, of what is in `file`; on failure nothing is left. */
export async function importDisk(
  file: string,
  tree: string,
  options: ImportOptions = {},
): Promise<ImportedDisk> {
  needTools('mount', 'tar', 'setpriv', 'nsenter');
  return withSpace(dirname(resolve(tree)), options.signal, (signal) =>
    withUndo(async (undo) => {
      const scratch = mkdtempSync(`${dirname(resolve(tree))}/.disk-`);
      const clear = (): Promise<void> => rm(scratch, { recursive: true, force: true });
      undo.push('make scratch directory', clear);
      const raw = `${scratch}/disk.raw`;
      const { format, size } = await openRaw(file, raw, { ...options, signal });
      faultPoint('disk.converted');
      const imported = await importRaw({ raw, scratch, tree, signal, undo }, options);
      await clear();
      return { format, size, ...imported };
    }),
  );
}

/** Puts a raw image at `raw`: the file itself by a link, or what qemu-img makes of it. */
async function openRaw(
  file: string,
  raw: string,
  { signal, report, maxSize = MAX_VIRTUAL_SIZE }: ImportOptions,
): Promise<{ readonly format: Format; readonly size: number }> {
  using source = openSource(file);
  const format = formatOf(source);
  checkSize(statedSize(format, source) ?? 0, maxSize);
  if (format === 'raw') {
    symlinkSync(resolve(file), raw);
    return { format, size: source.size };
  }
  report?.({ type: 'step', step: 'convert' });
  const size = await inspect(file, format, { signal, maxSize });
  const onProgress = (percent: number): void => report?.({ type: 'progress', percent });
  await toRaw(file, format, raw, { signal, onProgress });
  return { format, size };
}

interface Places {
  readonly raw: string;
  readonly scratch: string;
  readonly tree: string;
  readonly signal: AbortSignal;
  readonly undo: Undo;
}

async function importRaw(
  { raw, scratch, tree, signal, undo }: Places,
  { force = false, root: wanted, report = () => undefined }: ImportOptions,
): Promise<Omit<ImportedDisk, 'format' | 'size'>> {
  report({ type: 'step', step: 'search' });
  using source = openSource(raw);
  const { table, volumes } = findVolumes(source);
  await using mounts = await PrivateMounts.open();
  const open = new OpenVolumes({ raw, scratch, mounts, force, signal });
  const root = await findRoot({ volumes, open, mounts, wanted, report });
  faultPoint('disk.mounted');

  report({ type: 'step', step: 'copy' });
  undo.push(`make '${basename(tree)}'`, () => rm(tree, { recursive: true, force: true }));
  mkdirSync(tree, { mode: 0o755 });
  const swaps = swapFiles(root.fstab);
  await copyTree({ mounts, from: root.at, to: tree, exclusions: exclusions('', swaps), signal });
  const extras: Record<string, string> = {};
  for (const { at, volume, subvolume } of findExtras(root, volumes, report)) {
    const from = await open.mount(volume, subvolume);
    if (ensureDirectory(tree, at)) {
      await copyTree({ mounts, from, to: `${tree}/${at}`, exclusions: exclusions(at, swaps), signal });
      extras[`/${at}`] = volume.name;
    } else report({ type: 'warning', message: `'/${at}' has no place in the tree: left out` });
  }
  await removeDevices(tree, signal);
  faultPoint('disk.copied');
  const removed = leftOut(listingOf(mounts, root), swaps);
  tidy(tree);
  return {
    table,
    root: root.volume.name,
    extras,
    system: prettyName(tree),
    leftOut: removed,
  };
}

function listingOf(mounts: PrivateMounts, root: Root): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(EMPTIED.map((path) => [path, namesBeneath(mounts.at(root.at), path)]));
}

/** Every container made of it shall be a machine of its own, without the disks of this one. */
function tidy(tree: string): void {
  const fstab = readBeneath(tree, 'etc/fstab');
  if (fstab !== undefined) rewriteBeneath(tree, 'etc/fstab', withoutDisks(fstab));
  rewriteBeneath(tree, 'etc/machine-id', '');
}
