/** Unpacking a template's tarball, as a library call, beside GNU tar: 12,000 files, about 220 MB. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { readDecompressed } from '../dist/template/decompress.js';
import { unpack } from '../dist/template/unpack.js';
import { alternate } from './measure.mjs';

// In memory, where there is room: a disk that writes back what the other one left would be measured instead.
const directory = mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/cella-bench-`);
const archive = `${directory}/template.tar`;
try {
  makeArchive(`${directory}/source`, archive);
  const into = (name) => {
    rmSync(`${directory}/${name}`, { recursive: true, force: true });
    mkdirSync(`${directory}/${name}`);
    return `${directory}/${name}`;
  };
  const targets = { cella: into('cella'), tar: into('tar') };
  const times = await alternate(
    {
      cella: () => unpack(readDecompressed(archive), targets.cella),
      'clear cella': () => (targets.cella = into('cella')),
      tar: () => execFileSync('tar', ['--numeric-owner', '--xattrs', '-xpf', archive, '-C', targets.tar]),
      'clear tar': () => (targets.tar = into('tar')),
    },
    { rounds: 7, warmUp: 1 },
  );
  console.log(`unpack cella ${times.cella.toFixed(0)} ms, tar ${times.tar.toFixed(0)} ms`);
  console.log(`RESULT unpack/tar ${(times.cella / times.tar).toFixed(3)} ratio goal 1.000`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** As a Debian system has them: most files small, a few large. */
function makeArchive(source, target) {
  const random = openSync('/dev/urandom', 'r');
  const bytes = Buffer.alloc(1 << 20);
  for (let d = 0; d < 600; d += 1) {
    const at = `${source}/usr/lib/d${d}`;
    mkdirSync(at, { recursive: true });
    readSync(random, bytes);
    for (let f = 0; f < 20; f += 1) {
      // From 70 bytes to 220 KB, in equal steps of their logarithm.
      const size = Math.round(70 * Math.exp(((d * 20 + f) % 100) / 12.2));
      writeFileSync(`${at}/file${f}`, bytes.subarray(0, size));
    }
  }
  closeSync(random);
  execFileSync('tar', ['--format=pax', '--numeric-owner', '-cf', target, '-C', source, '.']);
  rmSync(source, { recursive: true });
}
