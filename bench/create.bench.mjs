/**
 * create as a library call, from a template of 12,000 files: its time and its disk, beside `cp -a` of that tree and a
 * snapshot of a btrfs subvolume that holds it. The template's size must not matter: busybox's is measured beside it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openHost } from '../dist/index.js';
import { makeLargeTemplate, mountFresh } from './large-template.mjs';
import { alternate } from './measure.mjs';

const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
const btrfs = `${directory}/btrfs`;
const vz = `${directory}/host/var/lib/vz`;
const run = (...argv) => execFileSync(argv[0], argv.slice(1), { encoding: 'utf8' });

/** What is allocated on disk, in KiB. */
const heldBy = (...paths) =>
  Number(
    run('du', '-skc', ...paths)
      .trim()
      .split('\n')
      .at(-1)
      .split('\t')[0],
  );

const made = {};
let number = 100;
/** Keeps what it makes: a container more makes the next one no slower that would not be there on a host either. */
const create = (name, ostemplate, layout) => async () => {
  number += 1;
  made[name] = number;
  await host.container(number).create({ ostemplate, changes: new Map([['VE_LAYOUT', layout]]) });
};

let copies = 0;
const snapshot = () => {
  copies += 1;
  run('btrfs', 'subvolume', 'snapshot', `${btrfs}/template`, `${btrfs}/${copies}`);
};
const copy = () => {
  copies += 1;
  run('cp', '-a', `${vz}/template/cache/large/rootfs`, `${directory}/copies/${copies}`);
};

const host = await openHost({ rootDir: `${directory}/host` });
try {
  await host.setup();
  const root = makeLargeTemplate(`${vz}/template/cache`);
  mkdirSync(`${directory}/copies`);
  mountFresh('btrfs', btrfs, 2048);
  run('btrfs', 'subvolume', 'create', `${btrfs}/template`);
  run('cp', '-a', `${root}/.`, `${btrfs}/template`);
  run('sync');

  const own = {
    'large/directory': create('large/directory', 'large', 'overlay:directory'),
    'large/image': create('large/image', 'large', 'overlay:image'),
    'busybox/directory': create('busybox/directory', 'busybox', 'overlay:directory'),
    'busybox/image': create('busybox/image', 'busybox', 'overlay:image'),
  };
  const times = await alternate({ ...own, snapshot }, { rounds: 30 });
  const beside = await alternate({ own: own['large/image'], copy }, { rounds: 3, warmUp: 1 });

  for (const name of Object.keys(own)) {
    const kib = heldBy(`${vz}/private/${made[name]}`, `${directory}/host/etc/vz/conf/${made[name]}.conf`);
    console.log(`RESULT create/${name} ${times[name].toFixed(2)} ms goal 10`);
    console.log(`RESULT create/${name}/disk ${kib} KiB goal 64`);
  }
  const compare = (what, value, goal) =>
    console.log(`RESULT create/${what} ${value.toFixed(3)} ratio goal ${goal}`);
  compare('large/busybox', times['large/image'] / times['busybox/image'], 1.1);
  console.log(`btrfs subvolume snapshot ${times.snapshot.toFixed(2)} ms, cp -a ${beside.copy.toFixed(0)} ms`);
  compare('large/btrfs-snapshot', times['large/image'] / times.snapshot, '-');
  compare('large/cp', beside.own / beside.copy, 0.05);
  console.log(`cp -a takes ${heldBy(`${directory}/copies/${copies}`)} KiB`);
} finally {
  if (existsSync(btrfs)) run('umount', btrfs);
  rmSync(directory, { recursive: true, force: true });
}
