/** backup: a container's files and config in one archive, of a running one too. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { chainOf, type Link } from '../backup/chain.js';
import { markChanged } from '../backup/compare.js';
import { excluder, STANDARD } from '../backup/exclude.js';
import { findBackups, findOld, lookAtBackup } from '../backup/find.js';
import { formatHead } from '../backup/head.js';
import type { BackupManifest, BackupMode } from '../backup/manifest.js';
import { backupName, isPartialOf } from '../backup/names.js';
import { type TreeIndex, totalSize } from '../backup/tree-index.js';
import { walkTree } from '../backup/walk.js';
import { type Sink, sinkOf, type Written, writeArchive, writeFile } from '../backup/write.js';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatLayout } from '../config/layout.js';
import { needTools } from '../disk/tools.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { isMounted } from '../host/mounts.js';
import { readText } from '../state/text-file.js';
import { type Contents, type Stillness, withContents } from './contents.js';
import { type Context, loadConfig, lockContainer, templateOf } from './context.js';
import { recover } from './recover.js';

export interface BackupProgress {
  /** Of files, put into the backup. */
  readonly bytes: number;
  /** About. */
  readonly total: number;
}

export interface BackupOptions {
  /** Where it goes: a file that is not there yet. Default: one named after container and time, in `directory`. */
  readonly file?: string | undefined;
  /** In place of a file. */
  readonly output?: Writable | undefined;
  /** Default: DUMPDIR of vz.conf. */
  readonly directory?: string | undefined;
  /** How a running container is kept still: see `Container.backup`. Default: snapshot. */
  readonly mode?: BackupMode | undefined;
  /** Stores only what has changed since the newest backup in `directory`, where there is one. */
  readonly incremental?: boolean | undefined;
  /** Since this one. */
  readonly base?: string | undefined;
  /** Patterns of paths to leave out, as `/var/cache/*`. */
  readonly exclude?: readonly string[] | undefined;
  /** Leaves out temporary files and rotated logs as well. */
  readonly standardExclude?: boolean | undefined;
  /** zstd's level, 1 to 19. Default: 3. */
  readonly level?: number | undefined;
  /** Of zstd. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Removes older backups of the container in `directory` beyond so many, unless one of these adds to them. */
  readonly maxFiles?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: BackupProgress) => void) | undefined;
}

export interface BackupResult extends Written {
  /** null: it went to `output`. */
  readonly file: string | null;
  readonly manifest: BackupManifest;
  /** Older ones that were removed. */
  readonly removed: readonly string[];
}

/** The container is not to be started or stopped meanwhile: with its lock held throughout. */
export async function backup(context: Context, ctid: Ctid, options: BackupOptions): Promise<BackupResult> {
  needTools('tar', 'zstd');
  const { signal, maxFiles } = options;
  const patterns = [...(options.exclude ?? []), ...(options.standardExclude ? STANDARD : [])];
  const isExcluded = excluder(patterns);
  using _lock = await lockContainer(context, ctid, 'backup', signal);
  await recover(context, ctid);
  const config = loadConfig(context, ctid);
  const directory = resolve(options.directory ?? context.paths.at(context.hostConfig().dumpDir));
  const isTaken = (name: string): boolean => existsSync(join(directory, name));
  const named = (): string => options.file ?? join(directory, backupName(ctid, new Date(), isTaken));
  const file = options.output ? null : resolve(named());
  if (file !== null && options.file === undefined) prepareDirectory(directory, ctid);
  const base = await findBaseFor(ctid, directory, options);
  const { mode = 'snapshot' } = options;
  const stillness: Stillness = mode === 'suspend' ? 'suspend' : 'snapshot';
  const job = {
    context,
    config,
    base,
    patterns,
    isExcluded,
    mode: isMounted(config.root) ? stillness : 'stopped',
  } as const;
  const kept = await keep(file, options.output, (sink) =>
    withContents(context, config, stillness, (contents) => write({ ...job, contents }, sink, options)),
  );
  const removed = maxFiles === undefined ? [] : await prune(directory, ctid, maxFiles);
  return { ...kept, file, removed };
}

/** What killed backups have left, while nobody else makes one of this container. */
function prepareDirectory(directory: string, ctid: Ctid): void {
  // Whole systems are in it.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(directory))
    if (isPartialOf(ctid, name)) rmSync(join(directory, name), { force: true });
}

async function keep<T>(
  file: string | null,
  output: Writable | undefined,
  work: (sink: Sink) => Promise<T>,
): Promise<T> {
  if (file !== null) return writeFile(file, work);
  if (!output) throw new CellaError('BAD_VALUE', 'a backup needs somewhere to go');
  return work(sinkOf(output));
}

async function findBaseFor(
  ctid: Ctid,
  directory: string,
  { base, incremental, signal }: BackupOptions,
): Promise<Base | undefined> {
  if (base === undefined && !incremental) return undefined;
  const found = base === undefined ? (await findBackups(directory, ctid)).at(-1) : await lookAtBackup(base);
  if (!found && base === undefined) return undefined;
  if (!found) throw new CellaError('BAD_VALUE', `'${base}' is no backup`);
  if (found.ctid !== ctid)
    throw new CellaError(
      'BAD_VALUE',
      `'${found.file}' is a backup of container ${found.ctid}, not of ${ctid}`,
    );
  // The whole chain, so that nothing is added to what cannot be restored.
  const [newest] = await chainOf(found.file, signal);
  return { ...newest, digest: found.digest };
}

interface Base extends Link {
  readonly digest: string;
}

interface Job {
  readonly context: Context;
  readonly config: ContainerConfig;
  readonly contents: Contents;
  readonly base: Base | undefined;
  readonly patterns: readonly string[];
  readonly isExcluded: (path: string) => boolean;
  readonly mode: BackupManifest['mode'];
}

async function write(
  job: Job,
  sink: Sink,
  { level = 3, threads = 0, signal, progress }: BackupOptions,
): Promise<Written & { readonly manifest: BackupManifest }> {
  const { context, config, base } = job;
  const { place, copied } = job.contents;
  const { index: tree, tooDeep } = await walkTree(`${place}/root`, {
    isExcluded: job.isExcluded,
    known: base?.head.index,
    copied,
    signal,
  });
  if (tooDeep > 0) {
    const message = `${tooDeep} files or directories lie too deep to be restored: left out`;
    context.report({ type: 'warning', ctid: config.ctid, message });
  }
  const index = base ? markChanged(tree, base.head.index) : tree;
  const manifest = describe(job, index);
  const head = await formatHead({
    manifest,
    config: readText(context.paths.config(config.ctid)) ?? '',
    index,
  });
  faultPoint('backup.listed');
  const total = manifest.bytes + head.length;
  const onBytes = progress && ((bytes: number): void => progress({ bytes: Math.min(bytes, total), total }));
  const written = await writeArchive({ head, index, place }, sink, { level, threads, signal, onBytes });
  return { ...written, manifest };
}

function describe({ context, config, base, patterns, mode }: Job, index: TreeIndex): BackupManifest {
  const stored = [...index.values()].filter((entry) => entry.stored);
  return {
    version: 1,
    ctid: config.ctid,
    date: new Date().toISOString(),
    kind: base ? 'incremental' : 'full',
    mode,
    base: base ? { digest: base.digest, file: basename(base.file) } : null,
    template: describeTemplate(context, config),
    layout: formatLayout(config.layout),
    excluded: patterns,
    entries: index.size,
    stored: stored.length,
    bytes: totalSize(stored),
  };
}

function describeTemplate(context: Context, { template: name }: ContainerConfig): BackupManifest['template'] {
  if (name === undefined) return null;
  try {
    return { name, digest: templateOf(context, name).manifest.digest };
  } catch (error) {
    // A full copy does without its template.
    if (error instanceof CellaError && error.code === 'TEMPLATE_NOT_FOUND') return { name, digest: null };
    throw error;
  }
}

async function prune(directory: string, ctid: Ctid, keep: number): Promise<readonly string[]> {
  const old = findOld(await findBackups(directory, ctid), keep).map(({ file }) => file);
  for (const file of old) rmSync(file, { force: true });
  return old;
}
