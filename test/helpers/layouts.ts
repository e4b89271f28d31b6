/** What can hold a container that a suite tries one thing on after another. */
import type { Need } from './requires.js';
import type { FileSystem } from './sandbox.js';

export interface Kind {
  readonly layout: string;
  readonly on?: FileSystem;
  readonly needs?: readonly Need[];
}

/** What the VM lane alone has. */
export const QUOTA: Kind = {
  layout: 'overlay:quota',
  on: 'ext4 with project quotas',
  needs: ['project-quota'],
};

export const onBtrfs = (layout: string): Kind => ({ layout, on: 'btrfs', needs: ['btrfs'] });
