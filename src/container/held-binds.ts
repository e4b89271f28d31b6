/** Bind mounts of a container whose processes come back: CRIU takes them from places of the host, where they are meanwhile. */
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { BindMount } from '../config/bindmounts.js';
import type { ContainerConfig } from '../config/container-config.js';
import { umountAll } from '../host/mounts.js';
import { bindMount, type ExternalMount } from '../plan/checkpoint/criu-options.js';
import type { RuntimeRecord } from '../state/record.js';
import type { Context } from './context.js';

export function bindsOf({ given }: RuntimeRecord): readonly BindMount[] {
  return given?.binds ?? [];
}

/** `directory`: of their places, for a restore. */
export function externalBinds(record: RuntimeRecord, directory = ''): readonly ExternalMount[] {
  return bindsOf(record).map(({ target }, i) => bindMount(i, target, `${directory}/${i}`));
}

/** Something to mount each of them on, of its own kind. */
export function makePlaces(
  { paths }: Context,
  { ctid, localUid = 0, localGid = localUid }: ContainerConfig,
  binds: readonly BindMount[],
): readonly string[] {
  const directory = paths.binds(ctid);
  if (binds.length > 0) {
    mkdirSync(dirname(directory), { recursive: true, mode: 0o711 });
    mkdirSync(directory, { mode: 0o700 });
    // Nobody else is to get by here to what lies in directories that are closed to them.
    chownSync(directory, localUid, localGid);
  }
  return binds.map(({ source }, i) => {
    const place = `${directory}/${i}`;
    const isFile = source !== undefined && existsSync(source) && !statSync(source).isDirectory();
    if (isFile) writeFileSync(place, '', { mode: 0o600 });
    else mkdirSync(place, { mode: 0o700 });
    return place;
  });
}

/** The container has them by now, or never will. */
export async function dropPlaces({ paths }: Context, ctid: number): Promise<void> {
  const directory = paths.binds(ctid);
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const place = `${directory}/${entry.name}`;
    await umountAll(place);
    if (entry.isDirectory()) rmdirSync(place);
    else rmSync(place);
  }
  rmdirSync(directory);
}
