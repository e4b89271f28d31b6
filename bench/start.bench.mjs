/** start → exit → gone of a static program, as a library call, beside crun and runc on the same root. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { alternate, median, report } from './measure.mjs';
import { installPeers, openPeerShell, openWorld } from './world.mjs';

const peers = installPeers();
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
const contestants = {
  cella: own,
  ...Object.fromEntries(
    peers.map((name) => [
      name,
      () => shell.run(`${name} --root ${state} run --bundle ${bundle} ${nextId()}`),
    ]),
  ),
};

const tight = await alternate(contestants, { rounds: 100 });
report('start/tight', tight, { own: 'cella', peers, goal: '0.333' });
report('start/spaced', await alternate(contestants, { rounds: 30, pauseMs: 150 }), {
  own: 'cella',
  peers,
  goal: '0.333',
});

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
for (let i = 0; i < 30; i += 1) await own();
delay.disable();
console.log(`event loop delay beyond its 1 ms timer, p99: ${(delay.percentile(99) / 1e6 - 1).toFixed(2)} ms`);

const ballast = Buffer.alloc(2 ** 30, 1);
const { cella } = await alternate({ cella: own }, { rounds: 100 });
console.log(
  `RESULT start/1GiB ${(median(cella) / median(tight.cella)).toFixed(3)} ratio goal 1.3 (holding ${ballast.length} bytes)`,
);
shell.close();
await close();
