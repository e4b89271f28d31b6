/** A disk → the volumes in it, by what they hold and by every name that an fstab may call them. */
import { type Content, identify } from './filesystems.js';
import { logicalVolumes, readPhysicalVolume } from './lvm.js';
import { type Partition, readTable } from './partitions.js';
import { joined, type Range, type Source } from './source.js';

export interface Volume {
  /** For people, and for choosing it: `disk`, `1`, `group/volume`. */
  readonly name: string;
  /** Where its bytes are on the disk, in order. */
  readonly ranges: readonly Range[];
  readonly content: Content | undefined;
  readonly partition: Partition | undefined;
  /** Why it cannot be read, where it cannot. */
  readonly problem: string | undefined;
}

export interface Disk {
  readonly table: 'mbr' | 'gpt' | 'none';
  readonly volumes: readonly Volume[];
}

export function findVolumes(source: Source): Disk {
  const table = readTable(source);
  const whole = { offset: 0, length: source.size };
  const outer = table
    ? table.partitions.map((partition) =>
        volume(source, String(partition.number), [partition.range], partition),
      )
    : [volume(source, 'disk', [whole], undefined)];
  const physical = outer
    .filter(({ content }) => content?.type === 'lvm')
    .flatMap(({ ranges }) => ranges.map((range) => readPhysicalVolume(source, range)));
  const inner = logicalVolumes(physical).map(({ group, name, ranges, problem }) =>
    problem === undefined
      ? volume(source, `${group}/${name}`, ranges, undefined)
      : { name: `${group}/${name}`, ranges, content: undefined, partition: undefined, problem },
  );
  return { table: table?.kind ?? 'none', volumes: [...outer, ...inner] };
}

function volume(
  source: Source,
  name: string,
  ranges: readonly Range[],
  partition: Partition | undefined,
): Volume {
  return { name, ranges, content: identify(joined(source, ranges)), partition, problem: undefined };
}

/** Whether `device`, the first field of an fstab entry, means this volume. */
export function isNamedBy(volume: Volume, device: string): boolean {
  const { content, partition, name } = volume;
  const [, key, quoted] = /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.*)$/su.exec(device) ?? byPath(device);
  const value = quoted?.replace(/^"(.*)"$/su, '$1') ?? '';
  const same = (known: string | undefined): boolean =>
    value !== '' && known !== undefined && known.toLowerCase() === value.toLowerCase();
  if (key === 'UUID') return same(content?.uuid);
  if (key === 'LABEL') return value !== '' && content?.label === value;
  if (key === 'PARTUUID') return same(partition?.uuid);
  if (key === 'PARTLABEL') return value !== '' && partition?.label === value;
  const [group, logical] = name.split('/');
  if (logical !== undefined)
    return [
      `/dev/${group}/${logical}`,
      `/dev/mapper/${group?.replaceAll('-', '--')}-${logical.replaceAll('-', '--')}`,
    ].includes(device);
  const number = /^\/dev\/(?:(?:[shv]d|xvd)[a-z]+|nvme\d+n\d+p|mmcblk\d+p)(\d+)$/.exec(device)?.[1];
  return partition !== undefined && number === name;
}

function byPath(device: string): readonly (string | undefined)[] {
  const [, kind, value] = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/su.exec(device) ?? [];
  return [undefined, kind?.toUpperCase(), value];
}
