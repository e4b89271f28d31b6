/**
 * How long a container's requests take, at their 99th percentile, while a neighbour does its worst, beside when it is
 * quiet. A request is a line that a shell in the container answers by running a program and writing to its disk.
 *
 * `npm run bench -- neighbours [ROUNDS]`; default: 3 alternations of 200 requests each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHost } from '../dist/index.js';
import { HOGS, LIMITS } from './neighbours/hogs.mjs';

const ROUNDS = Number(process.argv[3] ?? 3);
const REQUESTS = 200;
const SERVER =
  'while read -r line; do echo "$line" >>/root/log; md5sum /etc/passwd >/dev/null; echo "$line"; done';

const directory = mkdtempSync(`${tmpdir()}/cella-bench-`);
const host = await openHost({ rootDir: directory });
await host.setup();
const [server, hog] = [101, 102].map((ctid) => host.container(ctid));

async function serve() {
  const shell = await server.exec(['sh', '-c', SERVER]);
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  return async (text) => {
    const begin = performance.now();
    shell.stdin.write(`${text}\n`);
    await lines.next();
    return performance.now() - begin;
  };
}

async function measure(ask) {
  const times = [];
  for (let i = 0; i < REQUESTS; i += 1) {
    times.push(await ask(`request ${i}`));
    await sleep(2);
  }
  return times;
}

const percentile = (values, part) =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * part)];

/** Starts afresh each time: what one hog leaves behind is not the next one's. */
async function during(script, work) {
  await hog.start({ wait: true });
  await hog.exec(['sh', '-c', script]);
  await sleep(1000);
  try {
    return await work();
  } finally {
    await hog.stop({ fast: true });
  }
}

try {
  for (const container of [server, hog]) await container.create({ ostemplate: 'busybox', changes: LIMITS });
  await server.start({ wait: true });
  const ask = await serve();
  await measure(ask);
  for (const [name, script] of Object.entries(HOGS)) {
    const [quiet, beside] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      quiet.push(...(await measure(ask)));
      beside.push(...(await during(script, () => measure(ask))));
    }
    const told = [quiet, beside].map((times) => [0.5, 0.99].map((part) => percentile(times, part)));
    const [[q50, q99], [b50, b99]] = told;
    const words = [q50, b50, q99, b99].map((ms) => `${ms.toFixed(2)} ms`);
    console.log(`${name}: median ${words[0]} quiet, ${words[1]} beside it; p99 ${words[2]}, ${words[3]}`);
    console.log(`RESULT neighbours/${name}/p99 ${(b99 / q99).toFixed(2)} ratio goal 2`);
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const { ctid } of await host.list()) {
    await host.container(ctid).stop({ fast: true });
    await host.container(ctid).destroy();
  }
  rmSync(directory, { recursive: true, force: true });
}
