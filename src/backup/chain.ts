/** A backup with those that it adds to, down to a full one. */
import { basename, dirname } from 'node:path';
import { CellaError } from '../errors.js';
import { findDigest } from './find.js';
import type { Head } from './head.js';
import { type OpenBackup, openBackup, openRegular, type ReadOptions, readRaw } from './read.js';

const LONGEST = 1000;

export interface Link {
  readonly file: string;
  readonly head: Head;
}

/** From a file; the whole of it is checked only by whoever reads it to its end. */
export async function openFile(file: string, options: Omit<ReadOptions, 'name'> = {}): Promise<OpenBackup> {
  return openBackup(readRaw(await openRegular(file)), { ...options, name: basename(file) });
}

export async function readHeadOf(file: string, signal?: AbortSignal): Promise<Head> {
  await using backup = await openFile(file, { signal });
  return backup.head;
}

/** What `head`, which is in `directory`, adds to: newest first. `name` is for complaints. */
export async function findChain(
  head: Head,
  {
    directory,
    name,
    signal,
  }: { readonly directory: string; readonly name: string; readonly signal?: AbortSignal | undefined },
): Promise<readonly Link[]> {
  const chain: Link[] = [];
  let [at, of] = [head, name];
  while (at.manifest.base) {
    const file = await findDigest(directory, at.manifest.base, of);
    const next = await readHeadOf(file, signal);
    of = basename(file);
    if (next.manifest.ctid !== head.manifest.ctid)
      throw new CellaError('CREATE_FAILED', `backup '${of}' is of another container than '${name}'`);
    if (chain.length >= LONGEST || chain.some((link) => link.file === file))
      throw new CellaError('CREATE_FAILED', `backup '${name}' adds to too many others`);
    chain.push({ file, head: next });
    at = next;
  }
  return chain;
}

/** The same of a file. */
export async function chainOf(file: string, signal?: AbortSignal): Promise<readonly [Link, ...Link[]]> {
  const head = await readHeadOf(file, signal);
  const rest = await findChain(head, { directory: dirname(file), name: basename(file), signal });
  return [{ file, head }, ...rest];
}
