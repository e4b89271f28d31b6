/** MBR partition tables, with the logical partitions of an extended one. */

import type { Partition } from './partitions.js';
import { badImage, isWithin, type Source } from './source.js';

export const SECTOR = 512;
const EXTENDED = [0x05, 0x0f, 0x85];
const PROTECTIVE = 0xee;
/** As many as Linux makes devices for. */
const MAX_LOGICAL = 128;

interface Entry {
  readonly number: number;
  readonly flag: number;
  readonly type: number;
  readonly start: number;
  readonly count: number;
}

export interface Mbr {
  /** Says that a GPT is what counts, if only among others (a hybrid one). */
  readonly isProtective: boolean;
  readonly entries: readonly Entry[];
  /** Of the disk, as in PARTUUID=. */
  readonly id: string;
}

/** undefined: none, or boot code of a file system that only ends like one. */
export function readMbr(source: Source): Mbr | undefined {
  const sector = source.read(0, SECTOR);
  if (sector.readUInt16LE(510) !== 0xaa55) return undefined;
  const entries = entriesOf(sector);
  if (entries.length === 0 || entries.some(({ flag, start }) => (flag & 0x7f) !== 0 || start === 0))
    return undefined;
  return {
    isProtective: entries.some(({ type }) => type === PROTECTIVE),
    entries,
    id: sector.readUInt32LE(440).toString(16).padStart(8, '0'),
  };
}

export function partitionsOf(mbr: Mbr, source: Source): readonly Partition[] {
  const partition = ({ number, start, count }: Entry): Partition => {
    const range = { offset: start * SECTOR, length: count * SECTOR };
    if (!isWithin(range, source.size))
      throw badImage(
        `partition ${number} reaches beyond the end of the disk image`,
        'Check that the image was copied completely.',
      );
    return { number, range, uuid: `${mbr.id}-${number.toString(16).padStart(2, '0')}`, label: '' };
  };
  const primary = mbr.entries.filter(({ type }) => !EXTENDED.includes(type)).map(partition);
  const extended = mbr.entries.find(({ type }) => EXTENDED.includes(type));
  return extended ? [...primary, ...logical(source, extended.start).map(partition)] : primary;
}

/** A chain of tables with a partition and a pointer each; both are relative, to different things. */
function logical(source: Source, base: number): readonly Entry[] {
  const found: Entry[] = [];
  const seen = new Set<number>();
  for (let at: number | undefined = base; at !== undefined; ) {
    if (seen.has(at) || seen.size >= MAX_LOGICAL)
      throw badImage('the extended partition has no end: its tables name each other');
    seen.add(at);
    const sector = source.read(at * SECTOR, SECTOR);
    if (sector.readUInt16LE(510) !== 0xaa55) throw badImage('a table of the extended partition is broken');
    const start: number = at;
    const entries = entriesOf(sector);
    const own = entries.find(({ type }) => !EXTENDED.includes(type));
    if (own) found.push({ ...own, number: 5 + found.length, start: start + own.start });
    const next = entries.find(({ type }) => EXTENDED.includes(type));
    at = next && base + next.start;
  }
  return found;
}

function entriesOf(sector: Buffer): readonly Entry[] {
  return [0, 1, 2, 3]
    .map((i) => sector.subarray(446 + i * 16, 462 + i * 16))
    .map((entry, i) => ({
      number: i + 1,
      flag: entry.readUInt8(0),
      type: entry.readUInt8(4),
      start: entry.readUInt32LE(8),
      count: entry.readUInt32LE(12),
    }))
    .filter(({ type, count }) => type !== 0 && count !== 0);
}
