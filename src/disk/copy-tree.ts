/** Copies a mounted tree with all that a container needs of it: owners, modes, ACLs, capabilities, links, holes. */
import { mkdirSync } from 'node:fs';
import { runJob } from '../host/jobs.js';
import { isPlainDirectory } from './beneath.js';
import type { PrivateMounts } from './mounts.js';
import { job } from './tools.js';

export interface TreeCopy {
  readonly mounts: PrivateMounts;
  /** Mount point in the private namespace. */
  readonly from: string;
  readonly to: string;
  /** Options of tar(1). */
  readonly exclusions: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * No others: labels are the host's matter, and `trusted.overlay.*` in a layer would tell overlayfs what to show.
 */
const ATTRIBUTES = ['--acls', '--xattrs', '--xattrs-include=user.*', '--xattrs-include=security.capability'];

export async function copyTree({ mounts, from, to, exclusions, signal }: TreeCopy): Promise<void> {
  await runJob(
    [
      mounts.inside([
        'tar',
        '--create',
        '--format=posix',
        '--file=-',
        `--directory=${from}`,
        '--one-file-system',
        '--sparse',
        '--numeric-owner',
        ...ATTRIBUTES,
        ...exclusions,
        '.',
      ]),
      [
        'tar',
        '--extract',
        '--file=-',
        `--directory=${to}`,
        '--numeric-owner',
        '--same-owner',
        '--same-permissions',
        ...ATTRIBUTES,
      ],
    ],
    { signal },
  );
}

/** Device nodes of the machine: useless in a container, and dangerous beside the disks of this host. */
export async function removeDevices(tree: string, signal: AbortSignal): Promise<void> {
  await job(['find', tree, '-xdev', '(', '-type', 'b', '-o', '-type', 'c', ')', '-delete'], { signal });
}

/** Makes the directory `path` in a tree, unless a link or a file is in its way. */
export function ensureDirectory(tree: string, path: string): boolean {
  const parts = path.split('/');
  for (let i = 1; i <= parts.length; i++) {
    const part = parts.slice(0, i).join('/');
    if (isPlainDirectory(tree, part)) continue;
    try {
      mkdirSync(`${tree}/${part}`, { mode: 0o755 });
    } catch {
      // Something else is there: what is to be copied has no place.
      return false;
    }
  }
  return true;
}
