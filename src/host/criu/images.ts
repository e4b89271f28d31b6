/**
 * Images of CRIU, as far as another host has to have them otherwise: where control groups are, and which ids of the host
 * those of the container are.
 */
import { readdirSync } from 'node:fs';
import { type Edit, type Edits, editImage, message } from './image-file.js';

/** `groups`: names of control groups as the container's own, there and here, "/cella/101". */
export interface Retarget {
  readonly groups: { readonly from: string; readonly to: string };
  /** First ids of the host; absent: it has no user namespace. */
  readonly ids?: { readonly uid: number; readonly gid: number } | undefined;
}

export function retarget(images: string, { groups, ids }: Retarget): void {
  for (const name of readdirSync(images)) {
    const path = `${images}/${name}`;
    if (name === 'cgroup.img') editImage(path, cgroupEdits(groups));
    if (ids && /^userns-\d+\.img$/.test(name)) editImage(path, { 1: extent(ids.uid), 2: extent(ids.gid) });
  }
}

/** cgroup_entry: sets (1) of members (2) with a path (2) and how much of it is the namespace's root (3). */
function cgroupEdits({ from, to }: Retarget['groups']): Edits {
  const path: Edit = (value) => {
    const text = Buffer.from(value as Uint8Array).toString();
    const isOurs = text === from || text.startsWith(`${from}/`);
    return isOurs ? Buffer.from(to + text.slice(from.length)) : value;
  };
  const prefix: Edit = (value) => (value === from.length ? to.length : value);
  return { 1: message({ 2: message({ 2: path, 3: prefix }) }) };
}

/** uid_gid_extent: lower_first is 2. */
const extent = (first: number): Edit => message({ 2: () => first });
