/** The one kind of vmdk that is complete in itself: a sparse extent with its description inside. */
import type { Format } from './formats.js';
import { badImage, isWithin, type Source, u64 } from './source.js';

const SECTOR = 512;
const MAX_DESCRIPTOR = 1 << 20;

/** VMware's Virtual Disk Format 5.0, "Hosted Sparse Extent Header". */
export function checkVmdk(header: Buffer, source: Source): Format {
  // QEMU takes one without a capacity for a list of other files.
  if (u64(header, 12) === 0)
    throw badImage('the vmdk file describes a disk whose contents are in other files');
  const descriptor = { offset: u64(header, 28) * SECTOR, length: u64(header, 36) * SECTOR };
  if (descriptor.length > MAX_DESCRIPTOR || !isWithin(descriptor, source.size))
    throw badImage('the header of the vmdk image is broken');
  // QEMU looks for a parent at sector 1, wherever the header says that the description is.
  const fixed = { offset: SECTOR, length: Math.min(20 * SECTOR, source.size - SECTOR) };
  for (const range of [descriptor, fixed]) checkDescriptor(source.read(range.offset, range.length));
  return 'vmdk';
}

function checkDescriptor(bytes: Buffer): void {
  const text = bytes.toString('latin1').replace(/\0.*$/su, '');
  const parent = /^\s*parentCID\s*=\s*([0-9a-f]+)/imu.exec(text)?.[1];
  const hasParent = parent !== undefined && Number.parseInt(parent, 16) !== 0xffffffff;
  if (hasParent || /parentFileNameHint/iu.test(text))
    throw badImage('the disk image relies on a parent image', 'Consolidate its snapshots first.');
  const extents = text.match(/^\s*(RW|RDONLY|NOACCESS)\s+\d+\s+\S+/gmu) ?? [];
  if (extents.some((line) => !/\sSPARSE$/u.test(line)) || extents.length > 1)
    throw badImage('the vmdk file describes a disk whose contents are in other files');
}
