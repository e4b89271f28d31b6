/** LVM: physical volumes and the metadata in them → logical volumes as ranges of the disk. */
import { lvmChecksum, lvmLabel } from './filesystems.js';
import { countOf, parseLvmText, type Section, sectionOf, textOf } from './lvm-text.js';
import { badImage, isWithin, joined, type Range, type Source, u64 } from './source.js';

const SECTOR = 512;
const MDA_MAGIC = ' LVM2 x[5A%r0N*>';
const MDA_HEADER = 512;
const MAX_TEXT = 4 << 20;
const MAX_SEGMENTS = 4096;

export interface PhysicalVolume {
  readonly uuid: string;
  readonly range: Range;
  /** The newest metadata in it; undefined: kept in other volumes of the group only. */
  readonly text: string | undefined;
}

export interface LogicalVolume {
  readonly group: string;
  readonly name: string;
  /** Why it cannot be read, where it cannot. */
  readonly problem: string | undefined;
  /** Of the disk, in the order of the volume. */
  readonly ranges: readonly Range[];
}

/** `range`: where on the disk the physical volume lies. */
export function readPhysicalVolume(disk: Source, range: Range): PhysicalVolume {
  const source = joined(disk, [range]);
  const label = lvmLabel(source);
  if (!label) throw badImage('the LVM label of the disk image is broken');
  const start = label.readUInt32LE(20);
  if (start < 32 || start > 512 - 40) throw badImage('the LVM label of the disk image is broken');
  const uuid = label.toString('latin1', start, start + 32);
  // Two lists that end with an empty entry each: where data lie, then where metadata do.
  const places: Range[][] = [[], []];
  let list = 0;
  for (let at = start + 40; at + 16 <= label.length && list < 2; at += 16) {
    const place = { offset: u64(label, at), length: u64(label, at + 8) };
    if (place.offset === 0) list++;
    else places[list]?.push(place);
  }
  const texts = (places[1] ?? []).flatMap((area) => readArea(source, area) ?? []);
  return { uuid, range, text: texts[0] };
}

/** A ring of texts, of which the header names the current one. */
function readArea(source: Source, area: Range): string | undefined {
  if (!isWithin(area, source.size) || area.length < 2 * MDA_HEADER) return undefined;
  const header = source.read(area.offset, MDA_HEADER);
  if (header.toString('latin1', 4, 20) !== MDA_MAGIC) return undefined;
  if (lvmChecksum(header.subarray(4)) !== header.readUInt32LE(0)) return undefined;
  const text = { offset: u64(header, 40), length: u64(header, 48) };
  const ring = area.length - MDA_HEADER;
  if (text.offset < MDA_HEADER || text.offset >= area.length) return undefined;
  if (text.length === 0 || text.length > Math.min(ring, MAX_TEXT)) return undefined;
  const first = Math.min(text.length, area.length - text.offset);
  const bytes = Buffer.concat([
    source.read(area.offset + text.offset, first),
    source.read(area.offset + MDA_HEADER, text.length - first),
  ]);
  if (lvmChecksum(bytes) !== header.readUInt32LE(56)) return undefined;
  return bytes.toString('utf8').replace(/\0+$/u, '');
}

/** The logical volumes of every group that the physical ones belong to. */
export function logicalVolumes(physical: readonly PhysicalVolume[]): readonly LogicalVolume[] {
  const newest = new Map<string, { readonly name: string; readonly group: Section }>();
  for (const text of new Set(physical.flatMap((volume) => volume.text ?? []))) {
    const found = [...parseLvmText(text)].find(([, value]) => value instanceof Map);
    if (!found) throw badImage('the LVM metadata of the disk image name no volume group');
    const [name, group] = found as [string, Section];
    const id = textOf(group, 'id') ?? name;
    const known = newest.get(id);
    if (!known || countOf(known.group, 'seqno') < countOf(group, 'seqno')) newest.set(id, { name, group });
  }
  if (newest.size === 0 && physical.length > 0) throw badImage('no LVM metadata of the disk image are whole');
  return [...newest.values()].flatMap(({ name, group }) => volumesOf(name, group, physical));
}

function volumesOf(
  groupName: string,
  group: Section,
  physical: readonly PhysicalVolume[],
): readonly LogicalVolume[] {
  const volumes: Section = sectionOf(group, 'logical_volumes') ?? new Map();
  return [...volumes].flatMap(([name, volume]): readonly LogicalVolume[] => {
    if (!(volume instanceof Map)) return [];
    try {
      const ranges = rangesOf(volume, group, physical);
      return [{ group: groupName, name, problem: undefined, ranges }];
    } catch (error) {
      // One volume that cannot be read does not matter if the rest holds the system.
      const problem = error instanceof Error ? error.message : String(error);
      return [{ group: groupName, name, problem, ranges: [] }];
    }
  });
}

function rangesOf(volume: Section, group: Section, physical: readonly PhysicalVolume[]): readonly Range[] {
  const count = countOf(volume, 'segment_count');
  if (count === 0 || count > MAX_SEGMENTS) throw badImage(`${count} segments cannot be`);
  const extent = countOf(group, 'extent_size') * SECTOR;
  const ranges: Range[] = [];
  let next = 0;
  for (let i = 1; i <= count; i++) {
    const segment = sectionOf(volume, `segment${i}`);
    if (!segment || countOf(segment, 'start_extent') !== next)
      throw badImage(`segment ${i} is not where the one before it ends`);
    const range = rangeOf(segment, { group, extent, physical });
    next += countOf(segment, 'extent_count');
    const last = ranges.at(-1);
    if (last && last.offset + last.length === range.offset)
      ranges[ranges.length - 1] = { offset: last.offset, length: last.length + range.length };
    else ranges.push(range);
  }
  // Extents belong to one place only: more than there are means that some are named again and again.
  const there = physical.reduce((sum, { range }) => sum + range.length, 0);
  if (ranges.reduce((sum, { length }) => sum + length, 0) > there)
    throw badImage('it is larger than its disk');
  return ranges;
}

interface Surroundings {
  readonly group: Section;
  readonly extent: number;
  readonly physical: readonly PhysicalVolume[];
}

function rangeOf(segment: Section, { group, extent, physical }: Surroundings): Range {
  const type = textOf(segment, 'type') ?? '';
  if (type !== 'striped' || countOf(segment, 'stripe_count') !== 1)
    throw badImage(`it is of the kind '${type.slice(0, 32)}' and not linear`);
  const stripes = segment.get('stripes');
  const [name, first] = Array.isArray(stripes) ? (stripes as unknown[]) : [];
  if (typeof name !== 'string' || typeof first !== 'number') throw badImage('its place is not stated');
  const place = sectionOf(sectionOf(group, 'physical_volumes'), name);
  const uuid = textOf(place, 'id')?.replaceAll('-', '');
  const owner = physical.find((volume) => volume.uuid === uuid);
  if (!place || !owner) throw badImage('a part of it lies on another disk');
  const inside = {
    offset: countOf(place, 'pe_start') * SECTOR + first * extent,
    length: countOf(segment, 'extent_count') * extent,
  };
  if (first < 0 || inside.length === 0 || !isWithin(inside, owner.range.length))
    throw badImage('it reaches beyond the end of its physical volume');
  return { offset: owner.range.offset + inside.offset, length: inside.length };
}
