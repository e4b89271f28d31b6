/** Physical volumes of LVM as bytes, for tests: a label, one metadata area with `text`, data from 1 MiB on. */
import { lvmChecksum } from '../../src/disk/filesystems.js';

const MIB = 1 << 20;

export function physicalVolume(size: number, uuid: string, text: string): Buffer {
  const bytes = Buffer.alloc(MIB);
  const label = bytes.subarray(512, 1024);
  label.write('LABELONE', 0, 'latin1');
  label.writeBigUInt64LE(1n, 8);
  label.writeUInt32LE(32, 20);
  label.write('LVM2 001', 24, 'latin1');
  label.write(uuid, 32, 'latin1');
  const numbers = [size, MIB, 0, 0, 0, 4096, MIB - 4096, 0, 0];
  for (const [i, value] of numbers.entries()) label.writeBigUInt64LE(BigInt(value), 64 + i * 8);
  label.writeUInt32LE(lvmChecksum(label.subarray(20)), 16);

  const header = bytes.subarray(4096, 4608);
  header.write(' LVM2 x[5A%r0N*>', 4, 'latin1');
  header.writeUInt32LE(1, 20);
  const content = Buffer.from(`${text}\0`);
  for (const [i, value] of [4096, MIB - 4096, 512, content.length].entries())
    header.writeBigUInt64LE(BigInt(value), 24 + i * 8);
  header.writeUInt32LE(lvmChecksum(content), 56);
  header.writeUInt32LE(lvmChecksum(header.subarray(4)), 0);
  content.copy(bytes, 4608);
  return bytes;
}

export interface Segment {
  readonly pv: number;
  readonly first: number;
  readonly count: number;
}

/** Metadata of a group with extents of 1 MiB; `changes` is applied to the text. */
export function groupText(
  uuids: readonly string[],
  volumes: Readonly<Record<string, readonly Segment[]>>,
): string {
  const section = (name: string, body: readonly string[]): string => `${name} {\n${body.join('\n')}\n}`;
  const physical = uuids.map((uuid, i) =>
    section(`pv${i}`, [
      `id = "${uuid}"`,
      'device = "/dev/sda1" # a hint',
      'pe_start = 2048',
      'pe_count = 99',
    ]),
  );
  const logical = Object.entries(volumes).map(([name, segments]) => {
    let start = 0;
    const parts = segments.map(({ pv, first, count }, i) => {
      const text = section(`segment${i + 1}`, [
        `start_extent = ${start}`,
        `extent_count = ${count}`,
        'type = "striped"',
        'stripe_count = 1',
        `stripes = [\n"pv${pv}", ${first}\n]`,
      ]);
      start += count;
      return text;
    });
    return section(name, ['status = ["READ", "VISIBLE"]', `segment_count = ${segments.length}`, ...parts]);
  });
  return section('my-group', [
    'id = "group-id"',
    'seqno = 3',
    'extent_size = 2048',
    section('physical_volumes', physical),
    section('logical_volumes', logical),
  ]);
}
