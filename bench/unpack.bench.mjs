/** Unpacking a template's tarball, as a library call, beside GNU tar: 12,000 files, about 340 MB. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { readDecompressed } from '../dist/template/decompress.js';
import { unpack } from '../dist/template/unpack.js';
import { fill } from './large-template.mjs';
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

function makeArchive(source, target) {
  fill(source);
  execFileSync('tar', ['--format=pax', '--numeric-owner', '-cf', target, '-C', source, '.']);
  rmSync(source, { recursive: true });
}
