/** Which volume of a disk holds the root file system, and which others its fstab puts into the tree. */
import { isPlainDirectory, readBeneath } from './beneath.js';
import type { DiskReporter } from './events.js';
import { extraMounts, type FstabEntry, isSubvolume, parseFstab, subvolumeOf } from './fstab.js';
import type { PrivateMounts } from './mounts.js';
import { isMountable, type OpenVolumes } from './open-volume.js';
import { isRootTree } from './root-tree.js';
import { badImage } from './source.js';
import { isNamedBy, type Volume } from './volumes.js';

export interface Root {
  readonly volume: Volume;
  /** Where it is mounted in the private namespace. */
  readonly at: string;
  readonly fstab: readonly FstabEntry[];
}

export interface Search {
  readonly volumes: readonly Volume[];
  readonly open: OpenVolumes;
  readonly mounts: PrivateMounts;
  /** Name of the volume; default: the one that looks like it. */
  readonly wanted: string | undefined;
  readonly report: DiskReporter;
}

/** Where distributions put the root of a btrfs. */
const SUBVOLUMES = ['@', 'root', '@rootfs'];

export async function findRoot(search: Search): Promise<Root> {
  const { volumes, wanted, mounts } = search;
  const chosen = wanted === undefined ? volumes : volumes.filter(({ name }) => name === wanted);
  if (chosen.length === 0)
    throw badImage(`there is no volume '${wanted}' on the disk`, `Choose one of these: ${namesOf(volumes)}.`);
  const found: Root[] = [];
  const problems: Error[] = [];
  for (const volume of chosen.filter(isMountable)) {
    try {
      const at = await mountRoot(volume, search);
      if (at === undefined) continue;
      const fstab = parseFstab(readBeneath(mounts.at(at), 'etc/fstab') ?? '');
      found.push({ volume, at, fstab });
    } catch (error) {
      // What is broken may be none of the system's.
      problems.push(error as Error);
    }
  }
  const [root, ...others] = found;
  if (!root) throw problems[0] ?? nothing(volumes);
  if (others.length > 0)
    throw badImage(
      `several volumes hold a system: ${namesOf(found.map(({ volume }) => volume))}`,
      'Choose one with --root.',
    );
  for (const { message } of problems) search.report({ type: 'warning', message });
  return root;
}

async function mountRoot(volume: Volume, { open, mounts }: Search): Promise<string | undefined> {
  const at = await open.mount(volume);
  if (isRootTree(mounts.at(at))) return at;
  if (volume.content?.type === 'btrfs')
    for (const name of SUBVOLUMES) {
      if (!isPlainDirectory(mounts.at(at), name) || !isRootTree(mounts.at(`${at}/${name}`))) continue;
      return open.mount(volume, name);
    }
  await mounts.umount(at);
  return undefined;
}

function nothing(volumes: readonly Volume[]): Error {
  const told = volumes.map(({ name, content, problem }) => {
    if (problem !== undefined) return `${name}: ${problem}`;
    return `${name}: ${content?.type === 'luks' ? 'encrypted' : (content?.type ?? 'unknown')}`;
  });
  return badImage(`no root file system was found on the disk (${told.slice(0, 16).join(', ')})`);
}

function namesOf(volumes: readonly Volume[]): string {
  return volumes
    .slice(0, 16)
    .map(({ name }) => name)
    .join(', ');
}

export interface Extra {
  /** Path in the tree, without a slash at its ends. */
  readonly at: string;
  readonly volume: Volume;
  readonly subvolume: string | undefined;
}

/** Each volume once; what is on other disks is told. */
export function findExtras(root: Root, volumes: readonly Volume[], report: DiskReporter): readonly Extra[] {
  const seen = new Set<string>();
  return extraMounts(root.fstab).flatMap((entry) => {
    const volume = volumes.find((candidate) => isMountable(candidate) && isNamedBy(candidate, entry.device));
    const subvolume = subvolumeOf(entry);
    const key = `${volume?.name} ${subvolume}`;
    if (!volume) {
      report({ type: 'warning', message: `'${entry.at.slice(0, 256)}' is not on this disk: left out` });
      return [];
    }
    // Without a subvolume it is the one that was found to be the root.
    if (seen.has(key) || (volume === root.volume && !(subvolume && isSubvolume(subvolume)))) return [];
    seen.add(key);
    return [{ at: entry.at.replace(/^\/+|\/+$/g, ''), volume, subvolume }];
  });
}
