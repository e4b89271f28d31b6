/** Where a path of a template leads, links followed as a process inside would, and never out of it. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { isErrno } from '../errors.js';

export interface Found {
  /** As a process inside names it, without links. */
  readonly path: string;
  /** As this host names it. */
  readonly hostPath: string;
  readonly stats: Stats;
}

/** As many as Linux follows (path_resolution(7)). */
const LINKS = 40;

/**
 * `layers` are directories, topmost first; nobody may be changing them. What a layer hides of those below is taken
 * into account name by name.
 */
export function findInside(layers: readonly string[], path: string): Found | undefined {
  const ahead = partsOf(path).reverse();
  let at: readonly string[] = [];
  let found = look(layers, at);
  for (let links = 0; found; ) {
    const part = ahead.pop();
    if (part === undefined) return found;
    if (part === '..') {
      at = at.slice(0, -1);
      found = look(layers, at);
      continue;
    }
    const next = look(layers, [...at, part]);
    if (!next?.stats.isSymbolicLink()) {
      at = [...at, part];
      found = next;
      continue;
    }
    links += 1;
    if (links > LINKS) return undefined;
    const target = readlinkSync(next.hostPath);
    if (target.startsWith('/')) at = [];
    ahead.push(...partsOf(target).reverse());
    found = look(layers, at);
  }
  return undefined;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** The topmost layer that has it says what it is; no part of `parts` is a link in the layer that counts. */
function look(layers: readonly string[], parts: readonly string[]): Found | undefined {
  for (const layer of layers) {
    const found = lookIn(layer, parts);
    if (found === 'hidden') return undefined;
    if (found) return found;
  }
  return undefined;
}

function lookIn(layer: string, parts: readonly string[]): Found | 'hidden' | undefined {
  let hostPath = layer;
  let stats = statOf(hostPath);
  for (const part of parts) {
    // Something else than a directory hides what lower layers have below it.
    if (stats && !stats.isDirectory()) return 'hidden';
    hostPath = `${hostPath}/${part}`;
    stats = statOf(hostPath);
    if (!stats) return undefined;
  }
  if (stats?.isCharacterDevice() && stats.rdev === 0) return 'hidden';
  return stats && { path: `/${parts.join('/')}`, hostPath, stats };
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isErrno(error, 'ENOTDIR', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}
