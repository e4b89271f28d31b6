/**
 * What an overlay's own layers change of the template's below them (Documentation/filesystems/overlayfs.rst).
 *
 * All names are a stranger's: bytes, looked at where they lie and followed nowhere. Nobody may be changing the trees.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { isErrno } from '../errors.js';
import { native } from '../native/binding.js';

export interface Change {
  readonly kind: 'added' | 'changed' | 'deleted';
  /** From the container's root; bytes that are no UTF-8 read as U+FFFD. */
  readonly path: string;
}

/** What lies deeper no process inside can name in one word either (PATH_MAX). */
const LONGEST = 4000;

/** A directory that the container has of its own, and what of the layers shows through at its place. */
interface Place {
  readonly path: Buffer;
  /** The container's own layers' directories there, topmost first. */
  readonly upper: readonly Buffer[];
  /** Those of the template. */
  readonly below: readonly Buffer[];
  /** Nothing of the template shows through. */
  readonly opaque: boolean;
}

interface Step {
  readonly change: Change;
  readonly inside?: Place;
}

/**
 * In order of their paths, each directory before what is in it.
 *
 * @param upper the container's own layers, topmost first
 * @param layers the template's, topmost first
 */
export async function findChanges(
  upper: readonly string[],
  layers: readonly string[],
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  const root: Place = {
    path: Buffer.alloc(0),
    upper: upper.map((layer) => Buffer.from(layer)),
    below: layers.map((layer) => Buffer.from(layer)),
    opaque: false,
  };
  const ahead = (await stepsIn(root)).reverse();
  for (let step = ahead.pop(); step; step = ahead.pop()) {
    changes.push(step.change);
    if (step.inside) ahead.push(...(await stepsIn(step.inside)).reverse());
  }
  return changes;
}

async function stepsIn(place: Place): Promise<Step[]> {
  const own = await namesIn(place.upper);
  const hidden = place.opaque ? await namesIn(place.below) : [];
  // As latin1, a string is its bytes: comparable, and good for a set.
  const names = new Set([...own, ...hidden].map((name) => name.toString('latin1')));
  const steps: Step[] = [];
  for (const name of [...names].sort()) {
    const step = await stepAt(place, Buffer.from(name, 'latin1'));
    if (step) steps.push(step);
  }
  return steps;
}

async function stepAt(place: Place, name: Buffer): Promise<Step | undefined> {
  const below = await lookAt(place.below, name);
  const own = await lookAt(place.upper, name);
  const path = join(place.path, name);
  const change = (kind: Change['kind']): Change => ({ kind, path: path.toString() });
  if (!own.exists) return below.exists ? { change: change('deleted') } : undefined;
  const changed = change(below.exists ? 'changed' : 'added');
  if (own.directories.length === 0 || path.length > LONGEST) return { change: changed };
  const opaque = place.opaque || own.ends;
  return { change: changed, inside: { path, upper: own.directories, below: below.directories, opaque } };
}

interface Found {
  readonly exists: boolean;
  /** Those that are merged, if it is a directory. */
  readonly directories: readonly Buffer[];
  /** Layers further down do not count. */
  readonly ends: boolean;
}

/** What layers make of a name, topmost first. */
async function lookAt(places: readonly Buffer[], name: Buffer): Promise<Found> {
  const directories: Buffer[] = [];
  const found = (ends: boolean): Found => ({ exists: directories.length > 0, directories, ends });
  for (const place of places) {
    const at = join(place, name);
    const stats = await look(at);
    if (!stats) continue;
    if (stats.isDirectory()) {
      directories.push(at);
      if (isOpaque(at)) return found(true);
    } else if (isWhiteout(stats) || directories.length > 0) return found(true);
    else return { exists: true, directories, ends: true };
  }
  return found(false);
}

/** Whiteouts too: what they stand for is found out name by name. */
async function namesIn(places: readonly Buffer[]): Promise<readonly Buffer[]> {
  return (await Promise.all(places.map((place) => readdir(place, { encoding: 'buffer' })))).flat();
}

async function look(path: Buffer): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function isOpaque(directory: Buffer): boolean {
  return native()
    .readXattrs(directory)
    .some(([name, value]) => name === 'trusted.overlay.opaque' && value.toString('latin1') === 'y');
}

const SLASH = Buffer.from('/');

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, SLASH, name]);
}
