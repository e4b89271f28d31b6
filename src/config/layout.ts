/** How a container's files are kept: VE_LAYOUT. */
import { CellaError } from '../errors.js';

/** `overlay`: what it changed, over its template; `plain`: a full copy of that. */
export type Tree = 'overlay' | 'plain';

/**
 * What holds the private area, and so its limit: a directory without one, a directory with a project quota, a disk
 * image, a btrfs subvolume.
 */
export type Store = 'directory' | 'quota' | 'image' | 'btrfs';

export interface Layout {
  readonly tree: Tree;
  /** `auto`: to be chosen when the container is made, by what the file system can do. */
  readonly store: Store | 'auto';
}

export const STORES: readonly Store[] = ['directory', 'quota', 'image', 'btrfs'];

/** OpenVZ's own words: simfs is a directory, ploop an image whatever its format. */
const ALIASES: Readonly<Record<string, Layout>> = {
  simfs: { tree: 'overlay', store: 'auto' },
  ploop: { tree: 'overlay', store: 'image' },
  'ploop:expanded': { tree: 'overlay', store: 'image' },
  'ploop:plain': { tree: 'overlay', store: 'image' },
  'ploop:raw': { tree: 'overlay', store: 'image' },
};

/** `overlay`, `plain`, either with `:STORE`, or one of vzctl's. */
export function parseLayout(text: string): Layout {
  const alias = Object.hasOwn(ALIASES, text) ? ALIASES[text] : undefined;
  if (alias) return alias;
  const [tree, store = 'auto', ...rest] = text.split(':');
  const isKnown = store === 'auto' ? !text.includes(':') : (STORES as readonly string[]).includes(store);
  if ((tree === 'overlay' || tree === 'plain') && isKnown && rest.length === 0)
    return { tree, store: store as Layout['store'] };
  throw new CellaError('BAD_VALUE', `bad layout: ${JSON.stringify(text)}`, {
    hint: `Give overlay or plain, by itself or with one of ${STORES.map((name) => `:${name}`).join(' ')}.`,
  });
}

export function formatLayout({ tree, store }: Layout): string {
  return store === 'auto' ? tree : `${tree}:${store}`;
}
