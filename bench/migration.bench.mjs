/**
 * How long a process in a container does not run when that is moved, and what is sent for it: with its memory sent while it
 * stands still, ahead of it where the kernel tells which pages change, and after it. Beside it CRIU alone, by dump, copy and
 * restore. Somebody who is connected to it tells how long nothing was heard of it.
 *
 * `npm run bench -- migration [MIB…]`; default: 16 256. Both hosts are this one. CELLA_BENCH_ROUNDS, default 5.
 */
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNotServed } from '../dist/host/criu/memory.js';
import { tellsChanges } from '../dist/host/criu/soft-dirty.js';
import { median } from './measure.mjs';
import { openHosts } from './migration/hosts.mjs';
import { beginPeer } from './migration/peer.mjs';

/** magic.h. */
const TMPFS = 0x01021994;
withRunInMemory();
const sizes = process.argv.slice(3).map(Number);
const SIZES = sizes.length > 0 ? sizes : [16, 256];
const ROUNDS = Number(process.env.CELLA_BENCH_ROUNDS ?? 5);
const RATES = { idle: 0, busy: 5e6 };
const MODES = [
  'stop',
  ...(tellsChanges() ? ['pre-copy'] : []),
  ...(whyNotServed() === undefined ? ['post-copy'] : []),
];

const hosts = await openHosts();
try {
  for (const mib of SIZES) for (const load of Object.keys(RATES)) await compare(mib, load);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  hosts.close();
}

/** Where CRIU keeps what it has found out of the kernel: only in memory, which /run is on any host that boots by itself. */
function withRunInMemory() {
  if (statfsSync('/run').type === TMPFS) return;
  const inside = ['--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh'];
  const { status } = spawnSync('unshare', [...inside, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

/** All modes and the peer, one after the other, over and over. */
async function compare(mib, load) {
  const peer = await beginPeer(hosts, mib, RATES[load]);
  const own = await hosts.begin(mib, RATES[load]);
  const contestants = {
    ...Object.fromEntries(MODES.map((mode) => [mode, () => measure(own, mode)])),
    criu: () => measure(peer),
  };
  const seen = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  try {
    for (let round = 0; round < ROUNDS; round += 1)
      for (const [name, run] of Object.entries(contestants)) seen[name].push(await run());
  } finally {
    await own.end();
    await peer.end();
  }
  report(`migration/${mib}/${load}`, seen);
}

/** What the process itself has noticed of it. */
async function measure(mover, mode) {
  await sleep(1000);
  const began = Date.now();
  const { sent, memory, still = 0 } = await mover.move(mode);
  await sleep(500);
  const gaps = since(began, await mover.told());
  const heard = mover.heard ? since(began, await mover.heard()) : [];
  return {
    longest: Math.max(...gaps),
    all: gaps.reduce((sum, gap) => sum + gap, 0),
    heard: Math.max(0, ...heard),
    sent,
    still,
    rounds: memory.length,
  };
}

/** Of lines that tell when a gap was over, and of how many ms. */
function since(began, told) {
  return told
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))
    .flatMap(([at, gap]) => (at > began ? [gap] : []));
}

function report(metric, seen) {
  const of = (name, key) => median(seen[name].map((each) => each[key]));
  for (const name of Object.keys(seen)) {
    const [longest, all, heard, still, rounds] = ['longest', 'all', 'heard', 'still', 'rounds'].map((key) =>
      of(name, key).toFixed(0),
    );
    const sent = (of(name, 'sent') / 2 ** 20).toFixed(1);
    console.log(
      `${metric}/${name}: did not run for ${longest} ms at a time, ${all} ms in all, and a client heard nothing for ${heard} ms; stood still ${still} ms; ${sent} MiB sent, ${rounds} rounds`,
    );
  }
  for (const mode of MODES) {
    console.log(
      `RESULT ${metric}/${mode}/gap ${(of(mode, 'longest') / of('criu', 'longest')).toFixed(2)} ratio goal -`,
    );
    console.log(
      `RESULT ${metric}/${mode}/client ${(of(mode, 'heard') / of(mode, 'longest')).toFixed(2)} ratio goal 2`,
    );
    console.log(
      `RESULT ${metric}/${mode}/sent ${(of(mode, 'sent') / of('criu', 'sent')).toFixed(2)} ratio goal -`,
    );
  }
}
