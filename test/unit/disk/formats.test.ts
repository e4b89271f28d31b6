/** Images that name other files are refused by their headers, before any tool sees them. */
import { describe, expect, it } from 'vitest';
import { formatOf } from '../../../src/disk/formats.js';
import { sourceOf } from '../../../src/disk/source.js';

function image(change: (bytes: Buffer) => void): () => string {
  const bytes = Buffer.alloc(64 << 10);
  change(bytes);
  return () => formatOf(sourceOf(bytes));
}

function qcow2(change: (bytes: Buffer) => void): () => string {
  return image((bytes) => {
    bytes.write('QFI\xfb', 0, 'latin1');
    bytes.writeUInt32BE(3, 4);
    bytes.writeUInt32BE(104, 100);
    change(bytes);
  });
}

function vmdk(descriptor: string, capacity = 2048n): () => string {
  return image((bytes) => {
    bytes.write('KDMV', 0, 'latin1');
    bytes.writeBigUInt64LE(capacity, 12);
    bytes.writeBigUInt64LE(1n, 28);
    bytes.writeBigUInt64LE(20n, 36);
    bytes.write(descriptor, 512);
  });
}

const OWN = '# Disk DescriptorFile\nparentCID=ffffffff\nRW 2048 SPARSE "a.vmdk"\n';

describe('the format', () => {
  it.each([
    ['qcow2', qcow2(() => undefined)],
    ['vmdk', vmdk(OWN)],
    ['raw', image(() => undefined)],
    ['vhdx', image((bytes) => bytes.write('vhdxfile'))],
    ['vhd', image((bytes) => bytes.write('conectix', 65_024) && bytes.writeUInt32BE(2, 65_024 + 60))],
  ])('of an image that is complete in itself is told: %s', (format, read) => {
    expect(read()).toBe(format);
  });

  it.each([
    ['a backing file', qcow2((bytes) => bytes.writeBigUInt64BE(200n, 8))],
    ['an external data file', qcow2((bytes) => bytes.writeBigUInt64BE(4n, 72))],
    ['an external data file', qcow2((bytes) => bytes.writeUInt32BE(0x44415441, 104))],
    ['a backing file', qcow2((bytes) => bytes.writeUInt32BE(0xe2792aca, 104))],
    ['encrypted', qcow2((bytes) => bytes.writeUInt32BE(2, 32))],
    ['features that are not known', qcow2((bytes) => bytes.writeBigUInt64BE(1n << 40n, 72))],
    ['has no end', qcow2((bytes) => bytes.fill(0x11, 104, 4096))],
    ['in other files', image((bytes) => bytes.write('# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n'))],
    ['in other files', vmdk(OWN, 0n)],
    ['in other files', vmdk(OWN.replace('SPARSE "a.vmdk"', 'FLAT "/etc/shadow" 0'))],
    ['a parent image', vmdk(OWN.replace('ffffffff', '12345678'))],
    ['a parent image', vmdk(`${OWN}parentFileNameHint="/etc/shadow"\n`)],
    ['a parent image', image((bytes) => bytes.write('conectix') && bytes.writeUInt32BE(4, 60))],
    ['a parent image', image((bytes) => bytes.writeUInt32LE(0xbeda107f, 64) && bytes.writeUInt32LE(4, 76))],
    ['not supported', image((bytes) => bytes.write('QED\0'))],
  ])('of one that is not, is an error that says so: %s', (why, read) => {
    expect(read).toThrow(why);
  });
});
