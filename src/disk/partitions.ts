/** The partitions of a disk, whichever table it has. */
import { readGpt } from './gpt.js';
import { partitionsOf, readMbr, SECTOR } from './mbr.js';
import { badImage, type Range, type Source } from './source.js';

export interface Partition {
  readonly number: number;
  readonly range: Range;
  /** As PARTUUID= and PARTLABEL= name it. */
  readonly uuid: string;
  readonly label: string;
}

export interface Table {
  readonly kind: 'mbr' | 'gpt';
  readonly partitions: readonly Partition[];
}

/** undefined: the disk has no table, it may be one file system as a whole. */
export function readTable(source: Source): Table | undefined {
  if (source.size < 2 * SECTOR) throw badImage('the disk image is empty');
  const mbr = readMbr(source);
  if (mbr && !mbr.isProtective) return { kind: 'mbr', partitions: partitionsOf(mbr, source) };
  const partitions = readGpt(source);
  if (partitions) return { kind: 'gpt', partitions };
  if (mbr) throw badImage('the GPT of the disk image is broken, and so is its copy at the end');
  return undefined;
}
