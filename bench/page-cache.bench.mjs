/** 50 containers that read the same files: what they hold of the page cache, beside what one holds. */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openHost } from '../dist/index.js';

const COUNT = 50;
const FILES = 100;
const BYTES = 640 << 10;
const MIB = 1 << 20;

const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
const vz = `${directory}/host/var/lib/vz`;
const shell = (script, ...args) => execFileSync('sh', ['-euc', script, 'sh', ...args], { encoding: 'utf8' });

/** What is in the page cache of files that templates and containers hold, by mincore(2); a mounted root shows them once more. */
const resident = (at) =>
  Number(
    shell(
      'find "$1/template" "$1/private" -xdev -type f -name "shared*" -print0 | xargs -0 -r fincore -n -b -r -o RES | awk \'{ s += $1 } END { print s + 0 }\'',
      at,
    ),
  );
const cached = () => Number(/^Cached:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
/** posix_fadvise(POSIX_FADV_DONTNEED), once all is written. */
const evict = (at) =>
  shell(
    'sync -f "$1"; find "$1/template" "$1/private" -xdev -type f -name "shared*" -exec dd if={} iflag=nocache count=0 status=none \\;',
    at,
  );

const host = await openHost({ rootDir: `${directory}/host` });
let first = 101;

async function measure(layout) {
  const containers = Array.from({ length: COUNT }, (_, i) => host.container(first + i));
  first += COUNT;
  try {
    for (const container of containers) {
      await container.create({ ostemplate: 'shared', changes: new Map([['VE_LAYOUT', layout]]) });
      await container.start({ wait: true });
    }
    evict(vz);
    const [held, all] = [resident(vz), cached()];
    const read = async (container) => {
      const reading = await container.exec(['sh', '-c', 'cat /usr/lib/shared* | wc -c']);
      const { code } = await reading.wait();
      if (code !== 0) throw new Error(`reading ended with ${code}`);
    };
    await read(containers[0]);
    const one = resident(vz) - held;
    for (const container of containers) await read(container);
    const many = resident(vz) - held;
    const told = [one, many].map((bytes) => (bytes / MIB).toFixed(1));
    console.log(
      `page-cache/${layout} one reader ${told[0]} MiB, ${COUNT} readers ${told[1]} MiB (Cached: +${((cached() - all) / MIB).toFixed(1)} MiB)`,
    );
    return { one, many };
  } finally {
    for (const container of containers) {
      await container.stop({ fast: true }).catch(() => undefined);
      await container.destroy().catch(() => undefined);
    }
  }
}

try {
  await host.setup();
  const cache = `${vz}/template/cache`;
  cpSync(`${cache}/busybox`, `${cache}/shared`, { recursive: true, verbatimSymlinks: true });
  const lib = `${cache}/shared/rootfs/usr/lib`;
  mkdirSync(lib, { recursive: true });
  for (let i = 0; i < FILES; i += 1) writeFileSync(`${lib}/shared${i}`, randomFillSync(Buffer.alloc(BYTES)));
  for (const [layout, goal] of [
    ['overlay:directory', 1.02],
    ['overlay:image', 1.02],
    ['plain:directory', '-'],
  ]) {
    const { one, many } = await measure(layout);
    console.log(`RESULT page-cache/${layout}/${COUNT} ${(many / one).toFixed(3)} ratio goal ${goal}`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
