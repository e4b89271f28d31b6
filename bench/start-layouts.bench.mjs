/** start → exit → gone by what holds the private area: an image is mounted on a loop device, a directory is there. */
import { alternate } from './measure.mjs';
import { installPeers, openWorld } from './world.mjs';

const LAYOUTS = ['overlay:directory', 'overlay:image', 'plain:directory', 'plain:image'];

installPeers();
const { host, close } = await openWorld();
const containers = LAYOUTS.map((_, i) => host.container(201 + i));
try {
  for (const [i, container] of containers.entries())
    await container.create({ ostemplate: 'bench', changes: new Map([['VE_LAYOUT', LAYOUTS[i]]]) });
  const once = (container) => async () => {
    await container.start();
    await container.wait();
  };
  // The first start makes the image's file system.
  for (const [i, container] of containers.entries()) {
    const begin = performance.now();
    await once(container)();
    console.log(`start/${LAYOUTS[i]} the first time ${(performance.now() - begin).toFixed(2)} ms`);
  }
  const times = await alternate(Object.fromEntries(LAYOUTS.map((name, i) => [name, once(containers[i])])), {
    rounds: 60,
  });
  for (const name of LAYOUTS) console.log(`start/${name} ${times[name].toFixed(2)} ms`);
  const added = times['overlay:image'] - times['overlay:directory'];
  console.log(`RESULT start/image/directory ${added.toFixed(2)} ms goal -`);
} finally {
  for (const container of containers) {
    await container.stop({ fast: true }).catch(() => undefined);
    await container.destroy();
  }
  await close();
}
