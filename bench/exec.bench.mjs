/** A command in a running container, as a library call, beside crun exec. */
import { alternate, report } from './measure.mjs';
import { installPeers, openPeerShell, openWorld } from './world.mjs';

const peers = installPeers();
const { container, bundle, state, close } = await openWorld({ lasting: true });
const shell = openPeerShell();
await container.start();
for (const name of peers)
  await shell.run(`${name} --root ${state} run --detach --bundle ${bundle} bench-${name}`);
const contestants = {
  cella: async () => {
    const command = await container.exec(['/bin/true']);
    const { code } = await command.wait();
    if (code !== 0) throw new Error(`exec ended with ${code}`);
  },
  ...Object.fromEntries(
    peers.map((name) => [name, () => shell.run(`${name} --root ${state} exec bench-${name} /bin/true`)]),
  ),
};
report('exec/tight', await alternate(contestants, { rounds: 100 }), { own: 'cella', peers, goal: '0.333' });
report('exec/spaced', await alternate(contestants, { rounds: 30, pauseMs: 150 }), {
  own: 'cella',
  peers,
  goal: '0.333',
});
for (const name of peers) await shell.run(`${name} --root ${state} delete --force bench-${name}`);
shell.close();
await close();
