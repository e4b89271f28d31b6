/** What processes and the host hold of memory, in KiB. */
import { readdirSync, readFileSync } from 'node:fs';

/** A line of /proc/meminfo. */
export const memory = (name) =>
  Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))[1]);

/** Processes whose command line this fits, and what they hold: pages of several count in parts (PSS). */
export function processesLike(pattern) {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) return [];
        return [Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1])];
      } catch {
        // It has ended.
        return [];
      }
    });
  return { count: found.length, kib: found.reduce((sum, own) => sum + own, 0) };
}
