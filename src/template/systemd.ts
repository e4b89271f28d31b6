/** Which systemd a root file system has. */
import { readdirSync } from 'node:fs';
import { findInside } from './inside.js';

/** Debian keeps it apart for each machine. */
const PLACES = ['/usr/lib/systemd', '/lib/systemd'] as const;
const LIBRARY = /^libsystemd-shared-(\d+)/;

/** undefined: older than 231, from when on its private library has the version in its name. */
export function systemdVersion(layers: readonly string[]): number | undefined {
  const machines = namesIn(layers, '/usr/lib')
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => `/usr/lib/${name}/systemd`);
  const versions = [...PLACES, ...machines]
    .flatMap((place) => namesIn(layers, place))
    .flatMap((name) => LIBRARY.exec(name)?.[1] ?? [])
    .map(Number);
  return versions.length === 0 ? undefined : Math.max(...versions);
}

/** Of every layer: one that an upper layer hides may be among them. */
function namesIn(layers: readonly string[], directory: string): readonly string[] {
  return layers.flatMap((layer) => {
    const found = findInside([layer], directory);
    return found?.stats.isDirectory() ? readdirSync(found.hostPath) : [];
  });
}
