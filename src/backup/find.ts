/** Backups in a directory: which there are, which one another one adds to, which are old. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CellaError, isErrno } from '../errors.js';
import { filter } from '../host/run.js';
import { type Footer, readFooter } from './footer.js';
import { Bytes, readManifest } from './head.js';
import type { BackupBase, BackupManifest } from './manifest.js';
import { isBackupName } from './names.js';
import { openRegular, readRaw } from './read.js';

export interface FoundBackup extends BackupManifest {
  readonly file: string;
  /** Its identity: the digest of its archive. */
  readonly digest: string;
  /** Of the file. */
  readonly size: number;
}

/** What can be told without reading it all; undefined: no backup of ours. */
export async function lookAtBackup(file: string): Promise<FoundBackup | undefined> {
  const found = await footerOf(file);
  if (!found) return undefined;
  try {
    await using bytes = new Bytes(filter(['zstd', '-dcq'], readRaw(await openRegular(file))));
    return { ...(await readManifest(bytes)), file, digest: found.digest, size: found.size };
  } catch (error) {
    if (error instanceof CellaError) return undefined;
    throw error;
  }
}

/** Oldest first. */
export async function findBackups(directory: string, ctid?: number): Promise<readonly FoundBackup[]> {
  const found: FoundBackup[] = [];
  for (const name of namesIn(directory)) {
    const backup = await lookAtBackup(join(directory, name));
    if (backup && (ctid === undefined || backup.ctid === ctid)) found.push(backup);
  }
  return found.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
}

/** The file of a base in a directory, whatever it is called by now. `of` is for complaints. */
export async function findDigest(directory: string, base: BackupBase, of: string): Promise<string> {
  const others = namesIn(directory).filter((name) => name !== base.file);
  for (const name of [base.file, ...others]) {
    const path = join(directory, name);
    if ((await footerOf(path))?.digest === base.digest) return path;
  }
  const was = namesIn(directory).includes(base.file) ? 'has been changed' : 'is missing';
  throw new CellaError('CREATE_FAILED', `backup '${of}' adds to '${base.file}', which ${was}`, {
    hint: `Put the file with ${base.digest} into '${directory}'.`,
  });
}

/** Old ones of a container beyond the newest `keep`, but for those that one which stays adds to. */
export function findOld(backups: readonly FoundBackup[], keep: number): readonly FoundBackup[] {
  const kept = new Set(backups.slice(Math.max(0, backups.length - keep)));
  for (let grown = true; grown; ) {
    const needed = new Set([...kept].map(({ base }) => base?.digest));
    const more = backups.filter((backup) => needed.has(backup.digest) && !kept.has(backup));
    for (const backup of more) kept.add(backup);
    grown = more.length > 0;
  }
  return backups.filter((backup) => !kept.has(backup));
}

async function footerOf(file: string): Promise<(Footer & { readonly size: number }) | undefined> {
  try {
    const handle = await openRegular(file);
    try {
      const footer = await readFooter(handle);
      return footer && { ...footer, size: (await handle.stat()).size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CellaError) return undefined;
    throw error;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter(isBackupName).sort();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
