/** Disk images that become larger or smaller, while they are in use where the kernel can. */
import { readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { open, truncate } from 'node:fs/promises';
import { CellaError, isErrno } from '../../errors.js';
import { faultPoint } from '../../fault.js';
import { native } from '../../native/binding.js';
import { blocksFor, type Geometry, IMAGE_BLOCK, parseGeometry } from '../../plan/image.js';
import { canOverrideResources } from '../capabilities.js';
import { run } from '../run.js';

/** Debian keeps these tools where only root's PATH leads. */
export const TOOLS = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };

/** stat(2) counts blocks of it. */
const SECTOR = 512;

export async function readGeometry(path: string): Promise<Geometry> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(1024), position: 1024 });
    const geometry = parseGeometry(buffer);
    if (geometry) return geometry;
  } finally {
    await file.close();
  }
  throw new CellaError('IMAGE_FAILED', `disk image '${path}' holds no ext4 of ours`);
}

/** To the size that offers `space` bytes; a kill in between leaves the old or the new size. */
export async function resizeImage(path: string, space: bigint): Promise<void> {
  const now = await readGeometry(path);
  const blocks = blocksFor(space, now);
  if (blocks === now.blocks) return;
  expectRoom(path, now, blocks);
  const device = deviceOf(path);
  if (device === undefined) await resizeOffline(path, now.blocks, blocks);
  else await growInUse(path, device, { from: now.blocks, to: blocks });
}

/** For each group of blocks, and besides: a growing ext4 was seen to write 2 to 10 KiB a group. */
const ROOM = { group: 16n << 10n, besides: 4n << 20n };

/** Where the disk is full, resize2fs leaves a broken file system, and the kernel one that cannot be written to. */
function expectRoom(path: string, now: Geometry, blocks: bigint): void {
  if (blocks < now.blocks) return;
  const needed = ((blocks - now.blocks) / now.blocksPerGroup) * ROOM.group + ROOM.besides;
  const { bavail, bsize } = statfsSync(path, { bigint: true });
  if (bavail * bsize >= needed) return;
  throw new CellaError('RESIZE_FAILED', `cannot resize disk image '${path}': no space is left`, {
    hint: `Its file system needs ${needed >> 20n} MiB for what ext4 itself writes.`,
  });
}

interface Blocks {
  readonly from: bigint;
  readonly to: bigint;
}

async function growInUse(path: string, device: string, { from, to }: Blocks): Promise<void> {
  const complain = (what: string): CellaError =>
    new CellaError('RESIZE_FAILED', `disk image '${path}' cannot become ${what}`, {
      hint: 'Stop the container first.',
    });
  if (to < from) throw complain('smaller while it is in use');
  // EXT4_IOC_RESIZE_FS asks for it (fs/ext4/resize.c): better known before anything is changed.
  if (!canOverrideResources()) throw complain('larger while it is in use without CAP_SYS_RESOURCE');
  await truncate(path, Number(to * IMAGE_BLOCK));
  try {
    await native().growExt4(device, to);
  } catch (cause) {
    throw resizeError(path, cause);
  }
}

function resizeError(path: string, cause: unknown): CellaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CellaError('RESIZE_FAILED', `cannot resize disk image '${path}': ${reason}`, { cause });
}

async function resizeOffline(path: string, from: bigint, to: bigint): Promise<void> {
  try {
    // resize2fs wants a check; e2fsck returns 1 when it has mended something.
    await run(['e2fsck', '-f', '-p', path], { env: TOOLS, accept: [1] });
    faultPoint('resize.checked');
    if (to > from) await truncate(path, Number(to * IMAGE_BLOCK));
    faultPoint('resize.enlarged');
    // It goes on when we are killed: with the lock that a mount takes (native/core/image.cc).
    await run(['flock', '--no-fork', path, 'resize2fs', path, String(to)], { env: TOOLS });
    faultPoint('resize.resized');
    if (to < from) await truncate(path, Number(to * IMAGE_BLOCK));
  } catch (cause) {
    throw resizeError(path, cause);
  }
}

/** Bytes that the host got back; undefined where the image is not in use. */
export async function trimImage(path: string): Promise<number | undefined> {
  const device = deviceOf(path);
  if (device === undefined) return undefined;
  const before = statSync(path).blocks;
  await native().trimExt4(device);
  return Math.max(0, before - statSync(path).blocks) * SECTOR;
}

/** The loop device of an image that is in use. */
export function deviceOf(path: string): string | undefined {
  // Where there are a thousand of them, most questions are about images that are not in use.
  if (!native().isOpen(path)) return undefined;
  const name = readdirSync('/sys/block').find(
    (block) => block.startsWith('loop') && backingOf(block) === path,
  );
  return name === undefined ? undefined : `/dev/${name}`;
}

/** undefined: it has none, or lets go of it just now. */
function backingOf(loop: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${loop}/loop/backing_file`, 'utf8').trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENXIO', 'ENODEV')) return undefined;
    throw error;
  }
}
