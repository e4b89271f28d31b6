import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

/** The path, or the deepest directory above it that is there: what will be made below lies on its file system. */
export function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path));
}
