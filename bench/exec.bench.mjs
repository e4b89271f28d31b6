/** A command in a running container, as a library call, beside crun exec. */
import { duels } from './measure.mjs';
import { installPeers, openPeerShell, openWorld } from './world.mjs';

const names = installPeers();
const { container, bundle, state, close } = await openWorld({ lasting: true });
const shell = openPeerShell();
await container.start();
for (const name of names)
  await shell.run(`${name} --root ${state} run --detach --bundle ${bundle} bench-${name}`);
const own = async () => {
  const command = await container.exec(['/bin/true']);
  const { code } = await command.wait();
  if (code !== 0) throw new Error(`exec ended with ${code}`);
};
const peers = Object.fromEntries(
  names.map((name) => [name, () => shell.run(`${name} --root ${state} exec bench-${name} /bin/true`)]),
);
await duels('exec', own, peers, { goal: '0.333' });
for (const name of names) await shell.run(`${name} --root ${state} delete --force bench-${name}`);
shell.close();
await close();
