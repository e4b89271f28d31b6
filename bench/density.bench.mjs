/**
 * Many containers on one host: how fast they start and stop, what they take, and what looking at all of them takes.
 *
 * `npm run bench -- density [COUNT] [MAIL-SERVERS]`; default: 1000 and 200, of which the latter need a mail template in
 * the test cache. Each has a root, a network and control groups of its own, and busybox's init in it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { raiseLimits } from '../dist/host/shared-limits.js';
import { openHost } from '../dist/index.js';
import { findMail, measureMail } from './density/mail.mjs';
import { memory, processesLike } from './density/memory.mjs';
import { measurePeers } from './density/peers.mjs';
import { median } from './measure.mjs';

const [COUNT, MAIL] = [process.argv[3] ?? 1000, process.argv[4] ?? 200].map(Number);
const FIRST = 101;
/** At once, when all are made or stopped. */
const PARALLEL = 4;
/** Programs of ours: the launcher, and any Node.js that runs our commands, this one aside. */
const OURS = /(^|\/)cella-launcher\0|^[^\0]*node\0.*\/dist\/bin\//;

const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
const rootDir = `${directory}/host`;
mkdirSync(`${rootDir}/run`, { recursive: true });
// As on every host with systemd.
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', `${rootDir}/run`]);
const host = await openHost({ rootDir });
await host.setup();
// What setup does on a host of its own, for as long as this runs.
const raised = raiseLimits();
const ids = Array.from({ length: COUNT }, (_, i) => FIRST + i);

const timed = async (work) => {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
};

async function eachOf(numbers, work) {
  const left = [...numbers];
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) await work(id);
    }),
  );
}

const result = (what, value, unit, goal = '-') =>
  console.log(`RESULT density/${what} ${value} ${unit} goal ${goal}`);

async function startAll() {
  // Without a limit of the disk, which would be an image to be formatted where there are no project quotas.
  const changes = new Map([
    ['PHYSPAGES', '0:16384'],
    ['DISKSPACE', 'unlimited'],
    ['DISKINODES', 'unlimited'],
  ]);
  await eachOf(ids, (id) => host.container(id).create({ ostemplate: 'busybox', changes }));
  const before = memory('MemAvailable');
  const times = [];
  for (const id of ids) times.push(await timed(() => host.container(id).start()));
  const total = times.reduce((sum, time) => sum + time, 0);
  const [early, late] = [median(times.slice(5, 15)), median(times.slice(-10))];
  console.log(`one start: ${early.toFixed(1)} ms at first, ${late.toFixed(1)} ms at last`);
  result('start-rate', ((COUNT * 1000) / total).toFixed(1), 'per-second');
  result('start/last/first', (late / early).toFixed(2), 'ratio', 1.3);
  await sleep(3000);
  result('memory', ((before - memory('MemAvailable')) / COUNT).toFixed(0), 'KiB-each');
  const { count, kib } = processesLike(OURS);
  console.log(`${count} processes of ours beside ${COUNT} containers`);
  result('userland/cella', (kib / COUNT).toFixed(1), 'KiB-each', 16);
}

async function lookAtAll() {
  const looks = {
    // What vzlist shows where nobody says what: the goal is of that.
    list: () => host.list({ with: ['numproc'] }),
    'list/everything': () => host.list(),
    usage: () => host.usage(),
    beancounters: () => host.beancounters(),
  };
  for (const [name, look] of Object.entries(looks)) {
    const times = [];
    for (let i = 0; i < 5; i += 1) times.push(await timed(look));
    result(name, median(times).toFixed(0), 'ms', name === 'list' ? 150 : '-');
  }
}

async function stopAll() {
  const time = await timed(() => eachOf(ids, (id) => host.container(id).stop({ fast: true })));
  result('stop', (time / 1000).toFixed(1), 's');
  await eachOf(ids, (id) => host.container(id).destroy());
}

try {
  console.log(`${COUNT} containers with busybox`);
  await startAll();
  await lookAtAll();
  await stopAll();
  measurePeers(directory, `${rootDir}/var/lib/vz/template/cache/busybox/rootfs`);
  const cache = `${homedir()}/.cache/cella-templates`;
  const mail = existsSync(cache) ? findMail(cache) : undefined;
  if (mail === undefined) console.log('no mail template is there: left out');
  else if (MAIL > 0) await measureMail(host, rootDir, mail, MAIL);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  // What an error has left; those that were being started at that moment come up first.
  await sleep(process.exitCode ? 10_000 : 0);
  for (const { ctid } of await host.list()) {
    await host.container(ctid).stop({ fast: true });
    await host.container(ctid).destroy();
  }
  for (const { name, now } of raised) writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, String(now));
  execFileSync('umount', [`${rootDir}/run`]);
  rmSync(directory, { recursive: true, force: true });
}
