/** Hard links that an overlay knows of and its layers do not. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import type { ContainerConfig } from '../config/container-config.js';
import { mountRoot } from '../host/launcher.js';
import { isMounted, umountAll } from '../host/mounts.js';
import { inNode } from '../plan/image.js';
import { planMount } from '../plan/plan-root.js';
import { readSnapshots } from '../state/snapshots.js';
import { contentsOf, withArea } from './area.js';
import type { Context } from './context.js';
import { prepareRoot } from './mount.js';

/**
 * A file with several names in a lower layer that was written to under one of them is in `upper` under that one; of the
 * others only the index knows (Documentation/filesystems/overlayfs.rst, "Index"). Whoever is about to do without the
 * index has them written into `upper` first. Nobody may be changing files meanwhile. `at`: where the area is, if it is
 * at hand already.
 */
export async function settleLinks(context: Context, config: ContainerConfig, at?: string): Promise<void> {
  if (config.layout.tree !== 'overlay') return;
  const inArea = <T>(work: (at: string) => Promise<T>): Promise<T> =>
    at === undefined ? withArea(context, config, work) : work(at);
  const { node } = readSnapshots(config.privateArea).current.chain;
  const touch = (): Promise<void> =>
    inArea((area) => touchAliases(config.root, `${area}/${inNode(node, 'upper')}`));
  if (await inArea(async (area) => !hasLinks(`${area}/${inNode(node, 'work')}`))) return;
  if (isMounted(config.root)) return touch();
  await prepareRoot(context, config);
  await mountRoot(planMount(config, contentsOf(context, config)));
  try {
    await touch();
  } finally {
    await umountAll(config.root);
  }
}

/** Directories have entries too, and so has what was deleted, as a device. */
function hasLinks(work: string): boolean {
  const index = `${work}/index`;
  return existsSync(index) && readdirSync(index, { withFileTypes: true }).some((entry) => entry.isFile());
}

interface Alias {
  /** As bytes: a guest's names need not be text. */
  readonly path: Buffer;
  readonly info: Stats;
}

/** Changing nothing of a file copies it up; one that the index has gets one more name. */
async function touchAliases(root: string, upper: string): Promise<void> {
  const byInode = new Map<number, Alias[]>();
  for (const path of await filesWithLinks(root)) {
    const info = lstatSync(path);
    byInode.set(info.ino, [...(byInode.get(info.ino) ?? []), { path, info }]);
  }
  const isUp = ({ path }: Alias): boolean =>
    existsSync(Buffer.concat([Buffer.from(upper), path.subarray(Buffer.byteLength(root))]));
  for (const aliases of byInode.values()) {
    if (!aliases.some(isUp)) continue;
    for (const alias of aliases.filter((at) => !isUp(at))) chmodSync(alias.path, alias.info.mode & 0o7777);
  }
}

async function filesWithLinks(root: string): Promise<readonly Buffer[]> {
  const argv = [root, '-xdev', '-type', 'f', '-links', '+1', '-print0'];
  const { stdout } = await promisify(execFile)('find', argv, { encoding: 'buffer', maxBuffer: 2 ** 28 });
  const paths: Buffer[] = [];
  for (let at = 0, end = stdout.indexOf(0); end >= 0; at = end + 1, end = stdout.indexOf(0, at))
    paths.push(stdout.subarray(at, end));
  return paths;
}
