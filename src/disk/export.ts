/** A tree of files → a disk image with an ext4 in it, for virtual machines. */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { open, rm, truncate } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { CellaError, isErrno } from '../errors.js';
import { faultPoint } from '../fault.js';
import { withUndo } from '../undo.js';
import { fromRaw } from './convert.js';
import type { DiskReporter } from './events.js';
import type { Format } from './formats.js';
import { PrivateMounts } from './mounts.js';
import { withSpace } from './space.js';
import { type Argv, job, needTools } from './tools.js';
import { gptTable, type Layout, mbrTable } from './write-table.js';

export interface ExportOptions {
  /** Default: raw. */
  readonly format?: Format | undefined;
  /** Bytes of the file system, in whole MiB. Default: what is in it, and a quarter more. */
  readonly size?: number | undefined;
  /** Default: none, the file system is the whole disk. */
  readonly partitioned?: 'mbr' | 'gpt' | undefined;
  /** An ext4 of ours, not mounted elsewhere, in which layers with relative paths are. */
  readonly area?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly report?: DiskReporter | undefined;
}

export interface ExportedDisk {
  /** Bytes that a machine sees. */
  readonly size: number;
}

const MIB = 1 << 20;
const SECTOR = 512;
const SMALLEST = 16 * MIB;

/** `layers`: directories, topmost first, that make up the tree as an overlay. `file` must not exist. */
export async function exportDisk(
  layers: readonly [string, ...string[]],
  file: string,
  options: ExportOptions = {},
): Promise<ExportedDisk> {
  const { format = 'raw', report } = options;
  needTools('mkfs.ext4', 'setpriv', 'nsenter', ...(format === 'raw' ? [] : ['qemu-img']));
  if (existsSync(file)) throw exists(file);
  return withSpace(dirname(resolve(file)), options.signal, (signal) =>
    withUndo(async (undo) => {
      const scratch = mkdtempSync(`${dirname(resolve(file))}/.disk-`);
      const clear = (): Promise<void> => rm(scratch, { recursive: true, force: true });
      undo.push('make scratch directory', clear);
      const raw = `${scratch}/disk.raw`;
      report?.({ type: 'step', step: 'make' });
      const size = await makeRaw({ layers, scratch, raw, signal }, options);
      faultPoint('disk.made');
      const made = format === 'raw' ? raw : `${scratch}/disk.${format}`;
      if (made !== raw) {
        report?.({ type: 'step', step: 'convert' });
        const onProgress = (percent: number): void => report?.({ type: 'progress', percent });
        await fromRaw(raw, made, format, { signal, onProgress });
      }
      await publish(made, file);
      await clear();
      return { size };
    }),
  );
}

/** Under its name it is complete and on the disk, and takes the place of nothing. */
async function publish(made: string, file: string): Promise<void> {
  const handle = await open(made, 'r+');
  // Not for everybody to read: the whole system is in it.
  await handle.chmod(0o600);
  await handle.sync();
  await handle.close();
  try {
    linkSync(made, file);
  } catch (error) {
    throw isErrno(error, 'EEXIST') ? exists(file) : error;
  }
}

function exists(file: string): CellaError {
  return new CellaError('BAD_VALUE', `'${file}' exists already`, { hint: 'Name a file that does not.' });
}

interface Places {
  readonly layers: readonly [string, ...string[]];
  readonly scratch: string;
  readonly raw: string;
  readonly signal: AbortSignal;
}

async function makeRaw(
  { layers, scratch, raw, signal }: Places,
  { size: wanted, partitioned, area }: ExportOptions,
): Promise<number> {
  await using mounts = await PrivateMounts.open();
  const at = `${scratch}/area`;
  if (area !== undefined) {
    mkdirSync(at, { mode: 0o700 });
    await mounts.mount(['-t', 'ext4', '-o', 'ro,loop,nosuid,nodev,noexec', area], at, signal);
  }
  const [first, ...more] = layers.map((layer) => (isAbsolute(layer) ? layer : `${at}/${layer}`));
  if (first === undefined) throw new CellaError('BAD_VALUE', 'there is nothing to export');
  const tree = await mountLayers(mounts, { layers: [first, ...more], scratch, raw, signal });
  const { bytes, files } = await measure(mounts, tree, signal);
  const size = wanted === undefined ? sizeFor(bytes, files) : Math.floor(wanted / MIB) * MIB;
  if (size < SMALLEST) throw new CellaError('BAD_VALUE', 'a disk image has at least 16 MiB');
  const inodes = Math.max(Math.ceil(files * 1.25) + 1024, Math.ceil(size / 16_384));
  const start = partitioned ? MIB : 0;
  // Behind it the copy of a GPT.
  const disk = start + size + (partitioned === 'gpt' ? MIB : 0);
  const handle = await open(raw, 'wx', 0o600);
  await handle.close();
  await truncate(raw, disk);
  await makeFilesystem({ mounts, tree, raw, start, size, inodes, signal });
  if (partitioned) await writeTable(raw, { disk, start, size, kind: partitioned });
  return disk;
}

/** Without the id map of a container: the files have the ids that it sees, as they lie in its layers. */
async function mountLayers(mounts: PrivateMounts, { layers, scratch, signal }: Places): Promise<string> {
  const [only, ...more] = layers;
  if (more.length === 0) return resolve(only);
  // By short names: those of the layers may have commas and colons.
  const names = layers.map((layer, i) => {
    symlinkSync(resolve(layer), `${scratch}/${i}`);
    return String(i);
  });
  const at = `${scratch}/tree`;
  mkdirSync(at, { mode: 0o700 });
  const options = `ro,nosuid,nodev,noexec,index=off,nfs_export=off,lowerdir=${names.join(':')}`;
  await mounts.mount(['-t', 'overlay', '-o', options, 'overlay'], at, signal, scratch);
  return at;
}

interface Measured {
  readonly bytes: number;
  readonly files: number;
}

async function measure(mounts: PrivateMounts, tree: string, signal: AbortSignal): Promise<Measured> {
  const du = async (option: string): Promise<number> => {
    const argv: Argv = ['du', '--summarize', '--one-file-system', option, tree];
    return Number.parseInt(await job(mounts.inside(argv), { signal }), 10);
  };
  return { bytes: await du('--block-size=1'), files: await du('--inodes') };
}

/** Room for inodes, the journal, and a quarter more than there is now. */
function sizeFor(bytes: number, files: number): number {
  return Math.ceil((bytes * 1.25 + files * 512) / MIB + 64) * MIB;
}

interface Filesystem {
  readonly mounts: PrivateMounts;
  readonly tree: string;
  readonly raw: string;
  readonly start: number;
  readonly size: number;
  readonly inodes: number;
  readonly signal: AbortSignal;
}

async function makeFilesystem(fs: Filesystem): Promise<void> {
  const { mounts, tree, raw, start, size, inodes, signal } = fs;
  const options = ['-q', '-F', '-b', '4096', '-m', '1', '-N', String(inodes), '-E', `offset=${start}`];
  const argv: Argv = ['mkfs.ext4', ...options, '-d', tree, raw, `${size / 1024}k`];
  await job(mounts.inside(argv), { signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    if (!/could not allocate|no free space|no space left/i.test(String(cause))) throw cause;
    throw new CellaError('NO_SPACE', `the files do not fit into ${size / MIB} MiB`, {
      hint: 'State a larger --size.',
      cause,
    });
  });
}

interface Table {
  readonly disk: number;
  readonly start: number;
  readonly size: number;
  readonly kind: 'mbr' | 'gpt';
}

async function writeTable(raw: string, { disk, start, size, kind }: Table): Promise<void> {
  const layout: Layout = {
    disk: disk / SECTOR,
    first: start / SECTOR,
    count: size / SECTOR,
    uuids: [randomUUID(), randomUUID()],
  };
  const handle = await open(raw, 'r+');
  try {
    for (const { offset, bytes } of kind === 'gpt' ? gptTable(layout) : mbrTable(layout))
      await handle.write(bytes, 0, bytes.length, offset);
  } finally {
    await handle.close();
  }
}
