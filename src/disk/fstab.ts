/** /etc/fstab of a virtual machine: which volumes make up its tree, and what of it a container keeps. Pure. */

export interface FstabEntry {
  readonly device: string;
  readonly at: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** As many as anybody has; the file is not trusted. */
const MAX_ENTRIES = 256;

export function parseFstab(text: string): readonly FstabEntry[] {
  return text
    .split('\n')
    .flatMap((line) => entryOf(line) ?? [])
    .slice(0, MAX_ENTRIES);
}

function entryOf(line: string): FstabEntry | undefined {
  const [device, at, type, options = 'defaults'] = line.trim().split(/\s+/).map(decode);
  if (device === undefined || at === undefined || type === undefined || device.startsWith('#'))
    return undefined;
  return { device, at, type, options: options.split(',') };
}

/** fstab(5): blanks in octal. */
function decode(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** What is copied besides the root, parents first. /boot is what a container has no use for. */
export function extraMounts(entries: readonly FstabEntry[]): readonly FstabEntry[] {
  return entries
    .filter(({ type, at, device }) => isDisk(device) && type !== 'swap' && isPlainPath(at))
    .filter(({ at }) => !/^\/(boot|efi|dev|proc|sys|run)(\/|$)/.test(at))
    .sort((a, b) => a.at.split('/').length - b.at.split('/').length);
}

/** Files that the machine swapped to. */
export function swapFiles(entries: readonly FstabEntry[]): readonly string[] {
  return entries
    .filter(({ type, device }) => type === 'swap' && isPlainPath(device) && !device.startsWith('/dev/'))
    .map(({ device }) => device);
}

/** Absolute, not the root itself, and nothing in it that goes up. */
function isPlainPath(path: string): boolean {
  return /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/.test(path);
}

function isDisk(device: string): boolean {
  return /^(UUID|LABEL|PARTUUID|PARTLABEL)=|^\/dev\//.test(device);
}

/** The subvolume that the options name; one that could say more than that to mount(8) is none. */
export function subvolumeOf(entry: FstabEntry): string | undefined {
  const option = entry.options.find((text) => text.startsWith('subvol='))?.slice('subvol='.length);
  return option !== undefined && isSubvolume(option) ? option : undefined;
}

export function isSubvolume(name: string): boolean {
  return /^[A-Za-z0-9@._/-]{1,255}$/.test(name);
}

/** Disks and swap as comments: there are none in a container. */
export function withoutDisks(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const entry = entryOf(line);
      const isKept = !entry || !(isDisk(entry.device) || entry.type === 'swap');
      return isKept ? line : `# disk of the virtual machine, not mounted in a container: ${line}`;
    })
    .join('\n');
}
