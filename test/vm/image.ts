/** The guest's system disk, in a cache keyed by a hash of the recipe. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { takeLock } from '../../src/state/lock.js';
import { cacheDirectory, RECIPE, requireSpace } from './places.js';
import { Problem } from './problem.js';

export interface Image {
  readonly hash: string;
  readonly directory: string;
}

const PARTS = ['root.img', 'vmlinuz', 'initrd', 'key', 'key.pub', 'known_hosts', 'packages'] as const;

export function recipeHash(recipe = RECIPE): string {
  const hash = createHash('sha256');
  const files = readdirSync(recipe, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .sort();
  for (const file of files)
    hash
      .update(`${file.slice(recipe.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** The cached image of this recipe; undefined when there is none, or what is there is not as it was made. */
export function cachedImage(cache: string, hash: string): Image | undefined {
  const directory = `${cache}/images/${hash}`;
  if (!existsSync(directory)) return undefined;
  try {
    const sizes = JSON.parse(readFileSync(`${directory}/sizes.json`, 'utf8')) as Record<string, number>;
    if (PARTS.every((part) => statSync(`${directory}/${part}`).size === sizes[part]))
      return { hash, directory };
  } catch {
    // Half of it is missing: as good as none.
  }
  return undefined;
}

/** Takes the image from the cache or builds it; older ones go once the new one is there. */
export async function provideImage({ rebuild }: { readonly rebuild: boolean }): Promise<Image> {
  const cache = cacheDirectory();
  const images = `${cache}/images`;
  const hash = recipeHash();
  using _lock = await takeLock({ directory: images, name: 'image', verb: 'vm' });
  const cached = rebuild ? undefined : cachedImage(cache, hash);
  if (cached) return cached;
  if (existsSync(`${images}/${hash}`) && !rebuild)
    console.error('vm: the cached image is damaged: building it anew');
  requireSpace(images, 3);
  build(images, hash);
  return { hash, directory: `${images}/${hash}` };
}

function build(images: string, hash: string): void {
  console.error('vm: building the Debian 13 image: one to three minutes, once per recipe');
  const staging = `${images}/building`;
  // What a build that was killed has left.
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { mode: 0o700 });
  const { status, signal, error } = spawnSync('sh', [`${RECIPE}/build.sh`, staging], {
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) {
    rmSync(staging, { recursive: true, force: true });
    throw new Problem(`the image could not be built: ${error?.message ?? signal ?? `exit status ${status}`}`);
  }
  const sizes = Object.fromEntries(PARTS.map((part) => [part, statSync(`${staging}/${part}`).size]));
  writeFileSync(`${staging}/sizes.json`, JSON.stringify(sizes));
  const directory = `${images}/${hash}`;
  rmSync(directory, { recursive: true, force: true });
  renameSync(staging, directory);
  for (const name of readdirSync(images))
    if (/^[0-9a-f]{16}$/.test(name) && name !== hash) rmSync(`${images}/${name}`, { recursive: true });
}
