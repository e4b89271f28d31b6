/** The node service: what it costs to have, and how soon it knows everything again after it was killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openHost } from '../dist/index.js';
import { ServiceClient } from '../dist/service/index.js';

const REAL = 200;
/** Processes that records name as inits: to the service they are containers without a console. */
const STAND_INS = 1000;

const rootDir = mkdtempSync(`${tmpdir()}/cella-bench-`);
const client = new ServiceClient(rootDir);
const cli = fileURLToPath(new URL('../dist/bin/cella.cjs', import.meta.url));
const env = { ...process.env, CELLA_ROOT: rootDir };

const status = (pid) => readFileSync(`/proc/${pid}/status`, 'utf8');
const mib = (pid) => (Number(/^VmRSS:\s+(\d+)/m.exec(status(pid))?.[1]) / 1024).toFixed(1);

/** Milliseconds from exec(2) until it answers, and within itself from its first line on until all is adopted. */
async function begin(expected) {
  const from = performance.now();
  const child = spawn(process.execPath, [cli, '--quiet', 'service'], { env, stdio: 'ignore' });
  for (;;) {
    const about = await client.call('GET', '/v1/').catch(() => undefined);
    if (about?.running === expected) return { child, ms: performance.now() - from };
    await sleep(2);
  }
}

async function end({ child }) {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function measure(name, expected) {
  const times = [];
  let memory = '';
  for (let round = 0; round < 5; round += 1) {
    const service = await begin(expected);
    times.push(service.ms);
    await sleep(1000);
    memory = mib(service.child.pid);
    await end(service);
  }
  const ms = times.sort((a, b) => a - b)[2];
  console.log(`service/${name}: from exec to all adopted ${ms.toFixed(0)} ms, ${memory} MiB resident`);
  return ms;
}

const host = await openHost({ rootDir });
await host.setup();
const containers = Array.from({ length: REAL }, (_, i) => host.container(101 + i));
const sleepers = [];
try {
  const none = await measure('0 containers', 0);
  for (const container of containers)
    await container.create({ ostemplate: 'busybox', changes: new Map([['VE_LAYOUT', 'overlay:directory']]) });
  const first = await begin(0);
  for (const container of containers) await container.start();
  const init = JSON.parse(readFileSync(`${rootDir}/run/vz/101.json`, 'utf8')).init.pid;
  const keeper = Number(/^PPid:\s+(\d+)/m.exec(status(init))?.[1]);
  console.log(`keeper of ${REAL} containers: ${status(keeper).match(/^VmRSS:.*kB/m)?.[0]}`);
  await end(first);
  await measure(`${REAL} containers`, REAL);
  for (const container of containers) await container.stop({ fast: true });

  mkdirSync(`${rootDir}/run/vz`, { recursive: true });
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  for (let i = 0; i < STAND_INS; i += 1) {
    const sleeper = spawn('sleep', ['infinity'], { stdio: 'ignore' });
    sleepers.push(sleeper);
    const stat = readFileSync(`/proc/${sleeper.pid}/stat`, 'latin1');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const ctid = 10_001 + i;
    const record = { version: 1, ctid, bootId, root: '/nowhere', cgroups: [] };
    const text = JSON.stringify({ ...record, init: { pid: sleeper.pid, startTime, startedAt: Date.now() } });
    writeFileSync(`${rootDir}/run/vz/${ctid}.json`, text);
  }
  const many = await measure(`${STAND_INS} stand-ins`, STAND_INS);
  console.log(`RESULT service/adopt-${STAND_INS} ${((many - none) / 1000).toFixed(3)} seconds goal 1`);
} finally {
  for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  await client.call('POST', '/v1/stop', {}).catch(() => undefined);
  for (const container of containers) {
    await container.stop({ fast: true }).catch(() => undefined);
    await container.destroy().catch(() => undefined);
  }
  await sleep(2000);
  rmSync(rootDir, { recursive: true, force: true });
}
