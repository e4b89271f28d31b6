/** Names by which a layer of an image says what it takes away from those below (OCI image-spec, layer.md). */
import { CellaError } from '../errors.js';
import { shownName } from './entry-name.js';

const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';

export interface Whiteout {
  /** One name, or all that is below a directory. */
  readonly hides: 'name' | 'below';
  readonly path: string;
}

/** `path` is one in the tree; undefined: an ordinary entry. */
export function whiteoutOf(path: string): Whiteout | undefined {
  const slash = path.lastIndexOf('/') + 1;
  const name = path.slice(slash);
  if (!name.startsWith(PREFIX)) return undefined;
  if (name === OPAQUE) return { hides: 'below', path: path.slice(0, Math.max(0, slash - 1)) };
  const hidden = name.slice(PREFIX.length);
  // What is left of `.wh...` is the directory above.
  if (hidden === '' || hidden === '.' || hidden === '..' || hidden.startsWith(PREFIX))
    throw new CellaError('CREATE_FAILED', `the archive's entry '${shownName(path)}' hides no name`);
  return { hides: 'name', path: path.slice(0, slash) + hidden };
}
