/** start → exit → gone of a static program, as a library call, beside crun and runc on the same root. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { alternate, duels } from './measure.mjs';
import { installPeers, openPeerShell, openWorld } from './world.mjs';

const names = installPeers();
const { container, bundle, state, close } = await openWorld();
const shell = openPeerShell();
let serial = 0;
const nextId = () => {
  serial += 1;
  return `bench-${serial}`;
};
const own = async () => {
  await container.start();
  await container.wait();
};
const peers = Object.fromEntries(
  names.map((name) => [name, () => shell.run(`${name} --root ${state} run --bundle ${bundle} ${nextId()}`)]),
);
await duels('start', own, peers, { goal: '0.333' });

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const small = await alternate({ cella: own }, { rounds: 100 });
delay.disable();
console.log(`event loop delay beyond its 1 ms timer, p99: ${(delay.percentile(99) / 1e6 - 1).toFixed(2)} ms`);

const ballast = Buffer.alloc(2 ** 30, 1);
const large = await alternate({ cella: own }, { rounds: 100 });
console.log(
  `RESULT start/1GiB ${(large.cella / small.cella).toFixed(3)} ratio goal 1.3 (holding ${ballast.length} bytes)`,
);
shell.close();
await close();
