/** lxcfs(1): a FUSE file system with files of /proc that tell whoever reads them of his own control groups. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../native/binding.js';
import { VIEWED, type View } from '../plan/view.js';

export interface Lxcfs extends View {
  /** MAJOR:MINOR of its mount, which no later one has while this one is mounted anywhere. */
  readonly device: string;
}

/** How long the daemon may take to say that it has a file: one that hangs would hang whoever asks. */
const ANSWER_MS = 1000;

/** Undefined where none is mounted, or none answers within `patience` milliseconds. */
export async function findLxcfs(directory: string, patience = ANSWER_MS): Promise<Lxcfs | undefined> {
  const device = deviceAt(directory);
  if (device === undefined || !(await answers(directory, patience))) return undefined;
  const there = await Promise.all(VIEWED.map((name) => native().exists(`${directory}/${name}`)));
  return { directory, names: VIEWED.filter((_, at) => there[at]), device };
}

/** Devices of lxcfs mounts that were found, by their place. */
const known = new Map<string, string>();

/** The mount table is long on a full host: it is read again only where something else is mounted. */
function deviceAt(directory: string): string | undefined {
  const device = native().mountDevice(directory);
  if (device === '') return undefined;
  if (device !== null && known.get(directory) === device) return device;
  const found = viewMounts('self').find(({ target }) => target === directory)?.device;
  if (found !== undefined) known.set(directory, found);
  return found;
}

/** Questions that have had no answer yet: each holds a thread, and one is enough. */
const open = new Set<string>();

async function answers(directory: string, patience: number): Promise<boolean> {
  if (open.has(directory)) return false;
  open.add(directory);
  const path = `${directory}/proc/meminfo`;
  const answer = native()
    .exists(path)
    .finally(() => open.delete(directory));
  const late = new AbortController();
  const silence = sleep(patience, false, { signal: late.signal }).catch(() => false);
  const answered = await Promise.race([answer, silence]);
  late.abort();
  return answered;
}

/** Mounts of lxcfs that a process sees, the last one at each place. `pid`: of one that may have ended. */
export function viewMounts(
  pid: number | 'self',
): readonly { readonly target: string; readonly device: string }[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n').filter((line) => line.includes(' - fuse.lxcfs '));
  const found = lines.map((line) => {
    const [, , device = '', , target = ''] = line.split(' ');
    return [target, { target, device }] as const;
  });
  return [...new Map(found).values()];
}
