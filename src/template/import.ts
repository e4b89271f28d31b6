/** Templates out of what others made: OpenVZ's tarballs, OCI images, archives of Docker. */
import { type Stats, statSync } from 'node:fs';
import { CellaError, isErrno } from '../errors.js';
import type { Template } from './cache.js';
import { isImageArchive } from './image-archive.js';
import { importOci } from './import-oci.js';
import type { ImportOptions } from './import-options.js';
import { importTarball } from './import-tarball.js';

/** `source`: a tarball of a root file system, or an image: a layout directory, or an archive of one. */
export async function importTemplate(
  source: string,
  templateDir: string,
  options: ImportOptions = {},
): Promise<Template> {
  const isDirectory = statOf(source).isDirectory();
  if (isDirectory || (await isImageArchive(source, options.signal)))
    return importOci(source, templateDir, options);
  return importTarball(source, templateDir, options);
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new CellaError('BAD_VALUE', `'${path}' does not exist`, { cause: error });
  }
}
