/**
 * The state of a suspended container: a directory with CRIU's images and a header of ours. It is made beside its place and
 * renamed there when nothing of the container runs any more, so that what is there is whole and current.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { CellaError } from '../errors.js';
import type { GuestNetwork } from '../plan/checkpoint/guest-network.js';
import type { SavedGroup } from '../plan/checkpoint/saved-group.js';
import { syncDirectory, writeFileAtomic } from './atomic-file.js';
import { type Digests, digestImages } from './image-digests.js';
import type { RuntimeRecord } from './record.js';
import { readText } from './text-file.js';

export interface DumpHeader {
  readonly version: 1;
  readonly ctid: number;
  /** When it stood still: ISO 8601. */
  readonly at: string;
  /** As `x64`. */
  readonly arch: string;
  /** Releases of the host's kernel and of CRIU. */
  readonly kernel: string;
  readonly criu: string;
  /** As it ran. */
  readonly record: RuntimeRecord;
  /** Control groups that the guest had made. */
  readonly groups: readonly SavedGroup[];
  /** Files of lxcfs that it saw: of `VIEWED`. */
  readonly views: readonly string[];
  /** Number of its console's pty; absent: it had none. */
  readonly console?: number;
  /** What the guest has set up of its network by itself; absent: nobody looked. */
  readonly guestNetwork?: GuestNetwork;
  /** It went on after that, as after a snapshot. */
  readonly wentOn?: true;
  /** SHA-256 of each image, by its name; absent until the dump is in its place. */
  readonly digests?: Digests;
}

const HEADER = 'cella.json';

/** Says that a dump is whole. */
export const headerOf = (directory: string): string => `${directory}/${HEADER}`;

export const stagingOf = (directory: string): string => `${directory}.new`;
/** From just before its processes go on until they do. */
export const resumingOf = (directory: string): string => `${directory}.resuming`;

/** Of CRIU. Root of the container has to find its way in there (0711), and nobody else on the way there (0700). */
export const imagesOf = (directory: string): string => `${directory}/images`;

/** Images of memory alone, which each dump builds upon the ones before it: beside those of the last one. */
export const memoryOf = (directory: string, round: number): string => `${directory}/pre-${round}`;

/**
 * An empty directory in whose place the dump will be; it holds all that the container's memory does. `onMemory`: images of
 * that stay there.
 */
export function makeStaging(directory: string, { onMemory = false } = {}): string {
  const staging = stagingOf(directory);
  rmSync(onMemory ? imagesOf(staging) : staging, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  mkdirSync(staging, { recursive: true, mode: 0o700 });
  mkdirSync(imagesOf(staging), { mode: 0o711 });
  return staging;
}

export function writeHeader(directory: string, header: DumpHeader): void {
  writeFileAtomic(headerOf(directory), `${JSON.stringify(header)}\n`, { durable: true });
}

/** Undefined where there is no whole dump. */
export function readHeader(directory: string): DumpHeader | undefined {
  const path = headerOf(directory);
  const text = readText(path);
  if (text === undefined) return undefined;
  const header = parse(text);
  if (header) return header;
  throw new CellaError('RESUME_FAILED', `'${path}' is no header of a dump that this version knows`);
}

function parse(text: string): DumpHeader | undefined {
  try {
    const value = JSON.parse(text) as DumpHeader;
    const isSound =
      value.version === 1 &&
      Array.isArray(value.views) &&
      Array.isArray(value.groups) &&
      typeof value.record?.root === 'string';
    return isSound ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Puts a whole one in its place, in the stead of an older one, so that it outlives a power cut. */
export async function settle(directory: string, staging = stagingOf(directory)): Promise<void> {
  const images = imagesOf(staging);
  const header = readHeader(staging);
  // Not before: as long as the container stands still nothing is done that can wait.
  if (header && !header.digests) writeHeader(staging, { ...header, digests: await digestImages(images) });
  for (const name of readdirSync(images)) sync(`${images}/${name}`);
  for (const at of [images, staging]) syncDirectory(at);
  rmSync(directory, { recursive: true, force: true });
  renameSync(staging, directory);
  syncDirectory(dirname(directory));
}

/** Its container is about to go on, or to begin anew: from here on only one of the two may be. */
export function takeDump(directory: string): void {
  const taken = resumingOf(directory);
  // Of a host that went down just then.
  removeDump(taken);
  renameSync(directory, taken);
}

export function putBackDump(directory: string): void {
  renameSync(resumingOf(directory), directory);
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function removeDump(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
