/** As large as a Debian with some services: 12,000 files, about 340 MB. */
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';

/** Fills a tree as a Debian system has it: most files small, a few large. */
export function fill(root) {
  const random = openSync('/dev/urandom', 'r');
  const bytes = Buffer.alloc(1 << 20);
  for (let d = 0; d < 600; d += 1) {
    const at = `${root}/usr/lib/d${d}`;
    mkdirSync(at, { recursive: true });
    readSync(random, bytes);
    for (let f = 0; f < 20; f += 1) {
      // From 70 bytes to 220 KB, in equal steps of their logarithm.
      const size = Math.round(70 * Math.exp(((d * 20 + f) % 100) / 12.2));
      writeFileSync(`${at}/file${f}`, bytes.subarray(0, size));
    }
  }
  closeSync(random);
}

/** Makes `large` in the cache of templates; returns its tree. */
export function makeLargeTemplate(cache) {
  cpSync(`${cache}/busybox`, `${cache}/large`, { recursive: true, verbatimSymlinks: true });
  fill(`${cache}/large/rootfs`);
  return `${cache}/large/rootfs`;
}

/** A file system of its own at `target`, in an image of so many MiB that goes with it. */
export function mountFresh(type, target, mib) {
  mkdirSync(target, { recursive: true });
  const script =
    'PATH=$PATH:/usr/sbin:/sbin; truncate -s "$3M" "$2.image"; mkfs.$1 -q "$2.image"; mount -o loop "$2.image" "$2"; rm "$2.image"';
  execFileSync('sh', ['-euc', script, 'sh', type, target, String(mib)]);
}
