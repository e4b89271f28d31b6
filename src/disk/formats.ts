/**
 * Formats of disk images, told by their own magic numbers.
 *
 * qemu-img is only ever told a format and never asked to find one: an image that names another file (a backing file, a
 * data file, an extent, a parent) would make it read that file of the host. Those are refused before it sees them.
 */
import { badImage, isWithin, type Source, u64 } from './source.js';
import { checkVmdk } from './vmdk.js';

export const FORMATS = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx'] as const;
export type Format = (typeof FORMATS)[number];

/** As qemu calls them. */
export const DRIVERS: Readonly<Record<Format, string>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  vhdx: 'vhdx',
};

/** What nobody here reads, so that it is not taken for a raw image. */
const FOREIGN: Readonly<Record<string, string>> = {
  'QED\0': 'QED',
  WithoutFreeSpace: 'Parallels',
  WithouFreSpacExt: 'Parallels',
  COWD: 'VMware ESX 2 COW',
  'Bochs Virtual HD Image': 'Bochs',
  OOOM: 'UML COW',
};

/** The format of an image that is complete in itself; anything else is an error. */
export function formatOf(source: Source): Format {
  if (source.size < 1024) throw badImage('the disk image is empty');
  const start = source.read(0, 512);
  const word = (offset: number, length: number): string => start.toString('latin1', offset, offset + length);
  for (const [magic, name] of Object.entries(FOREIGN))
    if (word(0, magic.length) === magic) throw unsupported(name);
  if (word(0, 4) === 'QFI\xfb') return checkQcow2(start, source);
  if (word(0, 4) === 'KDMV') return checkVmdk(start, source);
  if (/^\s*# Disk DescriptorFile/.test(word(0, 64)))
    throw badImage(
      'the vmdk file describes a disk whose contents are in other files',
      'Convert it to one file first: qemu-img convert -O qcow2.',
    );
  if (start.readUInt32LE(64) === 0xbeda107f) return checkVdi(start);
  if (word(0, 8) === 'vhdxfile') return 'vhdx';
  const end = source.read(source.size - 512, 512);
  for (const footer of [start, end])
    if (footer.toString('latin1', 0, 8) === 'conectix') return checkVhd(footer);
  return 'raw';
}

/** Bits of incompatible_features: dirty, compression type, extended L2; not a corrupt one, nor one with a data file. */
const QCOW2_FEATURES = 1n | 8n | 16n;

/** docs/interop/qcow2.txt of QEMU. */
function checkQcow2(header: Buffer, source: Source): Format {
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw unsupported(`qcow version ${version}`);
  if (header.readBigUInt64BE(8) !== 0n) throw reliesOn('a backing file');
  if (header.readUInt32BE(32) !== 0) throw badImage('the qcow2 image is encrypted');
  if (version === 3) {
    const features = header.readBigUInt64BE(72);
    if ((features & 4n) !== 0n) throw reliesOn('an external data file');
    if ((features & ~QCOW2_FEATURES) !== 0n)
      throw badImage('the qcow2 image is corrupt, or has features that are not known');
  }
  checkExtensions(source, version === 2 ? 72 : header.readUInt32BE(100));
  return 'qcow2';
}

function checkExtensions(source: Source, start: number): void {
  let at = start;
  for (let i = 0; i < 64 && isWithin({ offset: at, length: 8 }, source.size); i++) {
    const extension = source.read(at, 8);
    const [type, length] = [extension.readUInt32BE(0), extension.readUInt32BE(4)];
    if (type === 0) return;
    if (type === 0x44415441) throw reliesOn('an external data file');
    if (type === 0xe2792aca) throw reliesOn('a backing file');
    at += 8 + Math.ceil(length / 8) * 8;
  }
  throw badImage('the header of the qcow2 image has no end');
}

function checkVdi(header: Buffer): Format {
  const type = header.readUInt32LE(0x4c);
  if (type !== 1 && type !== 2) throw reliesOn('a parent image');
  return 'vdi';
}

function checkVhd(footer: Buffer): Format {
  const type = footer.readUInt32BE(60);
  if (type === 4) throw reliesOn('a parent image');
  if (type !== 2 && type !== 3) throw badImage('the footer of the vhd image is broken');
  return 'vhd';
}

/** Virtual size that a format's header states; what only qemu-img can tell is undefined. */
export function statedSize(format: Format, source: Source): number | undefined {
  if (format === 'raw') return source.size;
  const header = source.read(0, 512);
  if (format === 'qcow2') return Number(header.readBigUInt64BE(24));
  if (format === 'vdi') return u64(header, 0x170);
  if (format === 'vmdk') return u64(header, 12) * 512;
  return undefined;
}

export function reliesOn(what: string): Error {
  return badImage(
    `the disk image relies on ${what}`,
    'Make it complete in itself first: qemu-img convert, on the machine that it comes from.',
  );
}

function unsupported(name: string): Error {
  return badImage(`disk images of the format ${name} are not supported`, `Use one of ${FORMATS.join(', ')}.`);
}
