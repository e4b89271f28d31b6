/** Names in archives are bytes from a stranger: what one may be, and where in the tree it is. */
import { CellaError } from '../errors.js';
import type { UnpackLimits } from './limits.js';

/**
 * The path beneath the tree that a name stands for; names are strings of bytes (latin1). Absolute ones count from the
 * tree. '' is the tree itself.
 */
export function pathInTree(name: string, limits: UnpackLimits): string {
  if (isPlain(name) && name.length <= limits.nameLength) return name;
  const refuse = (why: string): never => {
    throw new CellaError('CREATE_FAILED', `the archive's entry '${shownName(name)}' ${why}`);
  };
  if (name === '') refuse('has no name');
  if (name.includes('\0')) refuse('has a zero byte in its name');
  if (name.length > limits.pathLength) refuse('has too long a path');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) refuse("leads out of the archive with '..'");
  if (parts.length > limits.depth) refuse('lies too deep');
  if (parts.some((part) => part.length > limits.nameLength)) refuse('has too long a name');
  return parts.join('/');
}

/** A single name that needs no further look; most paths are not, but those at the top are. */
function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name);
}

/** For complaints: one line, however it was made. */
export function shownName(name: string): string {
  const text = Buffer.from(name.slice(0, 256), 'latin1').toString();
  const clean = text.replace(
    /\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return name.length > 256 ? `${clean}…` : clean;
}

export function bytesOf(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}
