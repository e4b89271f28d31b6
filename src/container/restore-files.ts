/** Files out of a backup and those that it adds to. Whoever made them may be a stranger. */
import { basename, dirname, resolve } from 'node:path';
import { findChain, type Link, openFile } from '../backup/chain.js';
import { findSources, type Restoration } from '../backup/compare.js';
import { type OpenBackup, openBackup } from '../backup/read.js';
import { type TreeIndex, totalSize } from '../backup/tree-index.js';
import { needTools } from '../disk/tools.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { bytesOf, shownName } from '../template/entry-name.js';
import { TreeWriter } from '../template/tree-writer.js';
import { finishTree, unpackInto } from '../template/unpack.js';

/** A file, or a stream; of that the backups that it adds to are looked for in `directory`. */
export type BackupSource =
  | string
  | { readonly stream: AsyncIterable<Uint8Array>; readonly directory: string };

/** An open backup, and those that it adds to. */
export interface Chain extends AsyncDisposable {
  readonly newest: OpenBackup;
  readonly older: readonly Link[];
  readonly name: string;
}

export async function openChain(source: BackupSource, signal: AbortSignal | undefined): Promise<Chain> {
  needTools('zstd');
  const isFile = typeof source === 'string';
  const name = isFile ? basename(source) : 'standard input';
  const newest = isFile
    ? await openFile(source, { signal })
    : await openBackup(source.stream, { name, signal });
  const directory = isFile ? dirname(resolve(source)) : resolve(source.directory);
  try {
    const older = await findChain(newest.head, { directory, name, signal });
    return { newest, older, name, [Symbol.asyncDispose]: () => newest[Symbol.asyncDispose]() };
  } catch (error) {
    await newest[Symbol.asyncDispose]();
    throw error;
  }
}

export interface ExtractOptions {
  readonly signal?: AbortSignal | undefined;
  /** Is told of bytes of files, unpacked from the archive that is being read. */
  readonly progress?: ((bytes: number) => void) | undefined;
}

interface WriteOptions extends ExtractOptions {
  readonly plan: Restoration;
}

/** All that the plan wants, from whichever backup of the chain has it. */
export async function writeFiles(
  directory: string,
  chain: Chain,
  { plan, signal, progress }: WriteOptions,
): Promise<void> {
  const { newest, older } = chain;
  const sources = findSources([newest.head.index, ...older.map(({ head }) => head.index)]);
  const left = new Set(plan.write);
  // The container's own limit is what holds it back: here nothing more than its list says is taken.
  const { index } = newest.head;
  const bytes = totalSize([...plan.write].flatMap((path) => index.get(path) ?? []));
  const limits = { bytes, entries: Math.max(index.size, ...older.map(({ head }) => head.index.size)) };
  const unpackFrom = async (writer: TreeWriter, backup: OpenBackup, which: number): Promise<void> => {
    const select = (path: string): boolean => sources.get(path) === which && left.delete(path);
    const told = progress && { progress: ({ bytes }: { readonly bytes: number }): void => progress(bytes) };
    await unpackInto(writer, backup.files(), { below: 'root', select, limits, signal, ...told });
  };
  await writeTree(directory, plan.hide, async (writer) => {
    await unpackFrom(writer, newest, 0);
    for (const [i, { file }] of older.entries()) {
      faultPoint('restore.next');
      if (![...left].some((path) => sources.get(path) === i + 1)) continue;
      await using backup = await openFile(file, { signal });
      await unpackFrom(writer, backup, i + 1);
    }
    for (const path of left)
      throw new CellaError('CREATE_FAILED', `backup '${chain.name}' lacks '/${shownName(path)}'`);
  });
}

/** Fills a directory; `hide`: paths of lower layers that it is to hide as an overlay's upper one. */
export async function writeTree(
  directory: string,
  hide: readonly string[],
  fill: (writer: TreeWriter) => Promise<void>,
): Promise<void> {
  const writer = new TreeWriter(directory);
  try {
    for (const path of hide) writer.hide(bytesOf(path));
    await fill(writer);
    await finishTree(writer);
  } finally {
    await writer.settle();
  }
}

/** Paths of the container, with all that is below them, into a directory of the host. */
export async function extract(
  chain: Chain,
  paths: readonly string[],
  directory: string,
  options: ExtractOptions = {},
): Promise<number> {
  const { index } = chain.newest.head;
  const write = new Set<string>();
  for (const wanted of paths.map((path) =>
    Buffer.from(path)
      .toString('latin1')
      .replace(/^\/+|\/+$/g, ''),
  )) {
    const found = [...index.keys()].filter(
      (path) => path !== '' && (wanted === '' || path === wanted || path.startsWith(`${wanted}/`)),
    );
    if (found.length === 0)
      throw new CellaError('BAD_VALUE', `backup '${chain.name}' does not hold '/${shownName(wanted)}'`);
    for (const path of found) write.add(path);
  }
  await writeFiles(directory, chain, { ...options, plan: { write: wholeNames(index, write), hide: [] } });
  return write.size;
}

/** Of a file with several names the first one has the contents: without it the others are nothing. */
function wholeNames(index: TreeIndex, write: ReadonlySet<string>): ReadonlySet<string> {
  const groups = new Set([...write].map((path) => index.get(path)?.group ?? 0));
  const more = [...index.values()].filter(
    ({ group, path }) => group !== 0 && groups.has(group) && !write.has(path),
  );
  return new Set([...write, ...more.map(({ path }) => path)]);
}
