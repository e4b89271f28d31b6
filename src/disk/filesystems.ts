/** What a partition or volume holds, by the magic numbers of its superblock. */
import { crcRegister } from './crc32.js';
import type { Source } from './source.js';

export interface Content {
  readonly type: 'ext4' | 'xfs' | 'btrfs' | 'swap' | 'lvm' | 'luks' | 'raid';
  /** As UUID= and LABEL= name it. */
  readonly uuid: string;
  readonly label: string;
  /** Its journal has changes that are not in their places yet. */
  readonly isDirty: boolean;
}

type Probe = (source: Source) => Content | undefined;

/** undefined: nothing that is known here. */
export function identify(source: Source): Content | undefined {
  for (const probe of PROBES) {
    const found = probe(source);
    if (found) return found;
  }
  return undefined;
}

const ext4: Probe = (source) => {
  const block = read(source, 1024, 1024);
  if (block?.readUInt16LE(56) !== 0xef53) return undefined;
  // The feature "recover": set while it is mounted.
  const isDirty = (block.readUInt32LE(96) & 4) !== 0;
  return content('ext4', uuid(block, 104), text(block, 120, 16), isDirty);
};

const xfs: Probe = (source) => {
  const block = read(source, 0, 512);
  return magic(block, 0, 'XFSB') ? content('xfs', uuid(block, 32), text(block, 108, 12)) : undefined;
};

const btrfs: Probe = (source) => {
  const block = read(source, 65_536, 4096);
  return magic(block, 64, '_BHRfS_M') ? content('btrfs', uuid(block, 32), text(block, 299, 256)) : undefined;
};

const swap: Probe = (source) => {
  const page = read(source, 0, 4096);
  return magic(page, 4086, 'SWAPSPACE2') || magic(page, 4086, 'SWAP-SPACE')
    ? content('swap', uuid(page, 1036), text(page, 1052, 16))
    : undefined;
};

const luks: Probe = (source) => {
  const block = read(source, 0, 512);
  return magic(block, 0, 'LUKS\xba\xbe') ? content('luks', text(block, 168, 40), '') : undefined;
};

const raid: Probe = (source) =>
  read(source, 4096, 256)?.readUInt32LE(0) === 0xa92b4efc ? content('raid', '', '') : undefined;

const lvm: Probe = (source) => (lvmLabel(source) ? content('lvm', '', '') : undefined);

/** The label of an LVM physical volume: in one of the first four sectors, with a checksum. */
export function lvmLabel(source: Source): Buffer | undefined {
  for (const sector of [0, 1, 2, 3]) {
    const label = read(source, sector * 512, 512);
    if (!magic(label, 0, 'LABELONE') || !magic(label, 24, 'LVM2 001')) continue;
    if (lvmChecksum(label.subarray(20)) === label.readUInt32LE(16)) return label;
  }
  return undefined;
}

/** LVM starts its CRC at a number of its own and does not invert it. */
export function lvmChecksum(bytes: Uint8Array): number {
  return crcRegister(bytes, 0xf597a6cf);
}

// What is around a file system may have been left over from an earlier life: containers of others first.
const PROBES: readonly Probe[] = [luks, lvm, xfs, btrfs, ext4, swap, raid];

function read(source: Source, offset: number, length: number): Buffer | undefined {
  return offset + length <= source.size ? source.read(offset, length) : undefined;
}

function magic(block: Buffer | undefined, offset: number, word: string): block is Buffer {
  return block?.toString('latin1', offset, offset + word.length) === word;
}

function content(type: Content['type'], id: string, label: string, isDirty = false): Content {
  return { type, uuid: id, label, isDirty };
}

function uuid(block: Buffer, offset: number): string {
  return block.toString('hex', offset, offset + 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function text(block: Buffer, offset: number, length: number): string {
  return block.toString('utf8', offset, offset + length).replace(/\0.*$/su, '');
}
