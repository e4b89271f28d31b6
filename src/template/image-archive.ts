/** Telling an archive of an image from one of a root file system, by the first names in it. */
import { readDecompressed } from './decompress.js';
import { pathInTree } from './entry-name.js';
import { DEFAULT_LIMITS } from './limits.js';
import { readTar } from './tar-reader.js';

/** What only images have at their top: OCI's layout, and what `docker save` wrote before it wrote that too. */
const OF_IMAGES =
  /^(oci-layout|index\.json|manifest\.json|repositories|blobs(\/.*)?|[0-9a-f]{64}(\.json|\.tar|\/.*)?)$/;

export async function isImageArchive(file: string, signal?: AbortSignal): Promise<boolean> {
  const reader = readTar();
  let first: string | undefined;
  reader.on('entry', (header, stream, next) => {
    stream.resume();
    const isRoot = /^[./]*$/.test(header.name);
    if (!isRoot) first ??= header.name;
    next();
  });
  // Whoever unpacks it says what is wrong with it.
  reader.on('error', () => undefined);
  try {
    for await (const chunk of readDecompressed(file, { signal })) {
      reader.write(chunk);
      if (first !== undefined || reader.destroyed) break;
    }
  } finally {
    reader.destroy();
  }
  return first !== undefined && OF_IMAGES.test(pathInTree(first, DEFAULT_LIMITS));
}
