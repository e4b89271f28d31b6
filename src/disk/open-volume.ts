/** Volumes of a disk as mounted trees: read-only, and with as little trust in them as mount(8) can be told. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { CellaError } from '../errors.js';
import type { PrivateMounts } from './mounts.js';
import { badImage, type Range } from './source.js';
import { job, needTools } from './tools.js';
import type { Volume } from './volumes.js';

/** Where volumes are taken from, and what is needed to get at them. */
export interface Opening {
  /** The raw image. */
  readonly raw: string;
  /** For mount points and copies. */
  readonly scratch: string;
  readonly mounts: PrivateMounts;
  /** Also opens file systems that are broken or were not unmounted. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

interface Place {
  readonly file: string;
  readonly range: Range;
}

/**
 * nosymfollow: nobody here follows a link of theirs by mistake. errors=: the file system itself could ask for a panic
 * of the host. Journals are not replayed, as that writes.
 */
const BASE = ['ro', 'nosuid', 'nodev', 'noexec', 'nosymfollow'] as const;
const BY_TYPE = {
  ext4: ['noload', 'errors=remount-ro'],
  xfs: ['norecovery', 'nouuid'],
  btrfs: [],
} as const satisfies Record<string, readonly string[]>;

/** Whether it may hold files of the system. */
export function isMountable(volume: Volume): boolean {
  return volume.content !== undefined && volume.content.type in BY_TYPE;
}

export class OpenVolumes {
  readonly #opening: Opening;
  readonly #places = new Map<Volume, Promise<Place>>();
  #count = 0;

  constructor(opening: Opening) {
    this.#opening = opening;
  }

  /** Mounts it; returns the mount point. `subvolume`: of btrfs, default is the one that the file system says. */
  async mount(volume: Volume, subvolume?: string): Promise<string> {
    const { mounts, scratch, signal } = this.#opening;
    const type = volume.content?.type;
    if (type !== 'ext4' && type !== 'xfs' && type !== 'btrfs')
      throw badImage(`volume ${volume.name} holds no file system that can be read`);
    const place = this.#places.get(volume) ?? this.#open(volume);
    this.#places.set(volume, place);
    const { file, range } = await place;
    const options = [
      ...BASE,
      ...BY_TYPE[type],
      ...(subvolume === undefined ? [] : [`subvol=${subvolume}`]),
      'loop',
      `offset=${range.offset}`,
      `sizelimit=${range.length}`,
    ];
    const at = `${scratch}/mount-${++this.#count}`;
    mkdirSync(at, { mode: 0o700 });
    await mounts.mount(['-t', type, '-o', options.join(','), file], at, signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new CellaError('MOUNT_FAILED', `volume ${volume.name} (${type}) cannot be mounted`, { cause });
    });
    return at;
  }

  async #open(volume: Volume): Promise<Place> {
    const place = await this.#placeOf(volume);
    if (volume.content?.type === 'ext4') await this.#check(volume, place);
    return place;
  }

  /** One range of the image, or a copy in one piece of what lies scattered over it. */
  async #placeOf({ name, ranges }: Volume): Promise<Place> {
    const { raw, scratch, signal } = this.#opening;
    const [first, ...more] = ranges;
    if (!first) throw badImage(`volume ${name} is empty`);
    if (more.length === 0) return { file: raw, range: first };
    const file = `${scratch}/volume-${++this.#count}.raw`;
    const length = ranges.reduce((sum, range) => sum + range.length, 0);
    writeFileSync(file, '', { mode: 0o600, flag: 'wx' });
    truncateSync(file, length);
    let to = 0;
    for (const range of ranges) {
      await job(
        [
          'dd',
          `if=${raw}`,
          `of=${file}`,
          'bs=4M',
          `skip=${range.offset}`,
          `count=${range.length}`,
          `seek=${to}`,
          'iflag=skip_bytes,count_bytes,fullblock',
          'oflag=seek_bytes',
          'conv=notrunc,sparse',
          'status=none',
        ],
        { signal },
      );
      to += range.length;
    }
    return { file, range: { offset: 0, length } };
  }

  /** The kernel's parsers trust more than e2fsck does; xfs and btrfs have checksums in every block of theirs. */
  async #check({ name, content }: Volume, { file, range }: Place): Promise<void> {
    const { force, signal } = this.#opening;
    if (force) return;
    const hint = 'Shut the machine down in order and copy the disk again, or use --force.';
    if (content?.isDirty) throw badImage(`the file system of volume ${name} was not unmounted`, hint);
    needTools('e2fsck');
    await job(['e2fsck', '-n', '-f', `${file}?offset=${range.offset}`], { signal }).catch(
      (cause: unknown) => {
        signal.throwIfAborted();
        throw new CellaError('BAD_VALUE', `the file system of volume ${name} is broken`, { hint, cause });
      },
    );
  }
}
