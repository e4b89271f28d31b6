/** Where containers lie: room, limits, ids. */
import { statfsSync } from 'node:fs';
import { native } from '../../native/binding.js';
import { allocateRange, hostRanges } from '../subordinate-ids.js';
import { type Check, lacking, type Outcome, ok, UNTRIED } from './finding.js';

const GIB = 1n << 30n;
/** Of files, there may be none left while there is room. */
const LEAST = { bytes: GIB, files: 10_000n };

export interface Room {
  readonly bytes: bigint;
  /** Null: as many as there is room for. */
  readonly files: bigint | null;
}

export function judgeRoom({ bytes, files }: Room): Outcome {
  const text = `${Number((bytes * 10n) / GIB) / 10} GiB${files === null ? '' : `, ${files} files`}`;
  const isEnough = bytes >= LEAST.bytes && (files === null || files >= LEAST.files);
  return (isEnough ? ok : lacking)(text);
}

function roomAt(directory: string): Room {
  const { bavail, bsize, files, ffree } = statfsSync(directory, { bigint: true });
  return { bytes: bavail * bsize, files: files === 0n ? null : ffree };
}

export const STORAGE: readonly Check[] = [
  {
    subject: 'disk space',
    consequence: 'templates and containers may not fit',
    advice: 'Make room where private areas are, or set VE_PRIVATE to another place.',
    probe: ({ area }) => judgeRoom(roomAt(area)),
  },
  {
    subject: 'project quota',
    consequence: 'limits of disk space are held by disk images, which cannot shrink while they are in use',
    advice: 'Mount the file system of the private areas with the option prjquota.',
    probe: ({ area, isRoot }) => {
      if (native().isBtrfs(area)) return ok('not needed on btrfs');
      if (native().hasProjectQuota(area)) return ok(area);
      return isRoot ? lacking(`not at ${area}`) : UNTRIED;
    },
  },
  {
    subject: 'user ids',
    required: true,
    consequence: 'only privileged containers can be made',
    advice: 'Take ranges that are not needed out of /etc/subuid and /etc/subgid.',
    probe: () => ok(`free from ${allocateRange(hostRanges(), 65_536)} on`),
  },
];
