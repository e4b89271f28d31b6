/** What it takes to put a container on the network and to take it off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../measure.mjs';
import { Place } from './place.mjs';

/** Containers that come and go in a round. */
const BATCH = 50;
const STOPPED = 200;
/** Hosts take turns so many times, for so many rounds each. */
const [TURNS, ROUNDS] = [3, 3];
/** A host joins a group for each IPv6 address that it answers for, and says so for a while. */
const SETTLE_MS = 2000;

const makePlaces = (count) => Promise.all(Array.from({ length: count }, () => Place.make()));

/** Milliseconds for each of them. */
async function round({ place }, { families, isPrivate, pids }) {
  const attach = await place.call('attach', families, pids, isPrivate);
  const { own, links } = await place.call('detachTogether', pids.length);
  const all = { attach, detach: own + links, 'detach-own': own, 'detach-links': links };
  return Object.fromEntries(Object.entries(all).map(([verb, time]) => [verb, time / pids.length]));
}

/**
 * Hosts take turns, whose containers and those that come and go have addresses of these families. `isPrivate`: which the
 * hosts answer for nowhere.
 */
export async function measureChanges(hosts, families, isPrivate = false) {
  const pids = (await makePlaces(BATCH)).map(({ pid }) => pid);
  const what = { families, isPrivate, pids };
  const found = hosts.map(() => []);
  for (let turn = 0; turn < TURNS; turn += 1)
    for (const [index, host] of hosts.entries()) {
      // All networks of a kernel have it in one table whom they answer for: so the others' answer for nobody.
      if (!isPrivate) await host.place.call('answer', true);
      await sleep(SETTLE_MS);
      await round(host, what);
      for (let at = 0; at < ROUNDS; at += 1) found[index].push(await round(host, what));
      if (!isPrivate) await host.place.call('answer', false);
    }
  const name = `${families.map((family) => `ipv${family}`).join('+')}${isPrivate ? '-private' : ''}`;
  for (const verb of ['attach', 'detach', 'detach-own', 'detach-links']) {
    const medians = found.map((all) => median(all.map((times) => times[verb])));
    tell(`network/${verb}/${name}`, hosts, medians);
  }
}

function tell(what, hosts, medians) {
  console.log(
    `${what} ${hosts.map(({ present }, index) => `with ${present} ${medians[index].toFixed(2)} ms`).join(', ')}`,
  );
  const [none, most] = [medians[0], medians.at(-1)];
  const { present } = hosts.at(-1);
  console.log(`RESULT ${what}/${present} ${most.toFixed(2)} ms goal 2`);
  console.log(`RESULT ${what}/${present}/none ${(most / none).toFixed(3)} ratio goal 1.1`);
}

export async function measureStops({ place }) {
  const stop = {
    together: async () => {
      const { own, links } = await place.call('detachTogether', STOPPED);
      return own + links;
    },
    singly: () => place.call('detachSingly', STOPPED),
  };
  const places = await makePlaces(STOPPED);
  const pids = places.map(({ pid }) => pid);
  const [whole, links] = [
    { together: [], singly: [] },
    { together: [], singly: [] },
  ];
  for (let at = 0; at < 3; at += 1)
    for (const way of ['together', 'singly']) {
      await place.call('attach', [4, 6], pids);
      whole[way].push(await stop[way]());
      links[way].push(await place.call('removeLinks', STOPPED, way === 'together', pids[0]));
    }
  for (const [name, { together, singly }] of Object.entries({ stop: whole, links })) {
    const [batch, single] = [median(together), median(singly)];
    const what = `network/${name}-${STOPPED}`;
    console.log(`${what} in one batch ${batch.toFixed(0)} ms, one by one ${single.toFixed(0)} ms`);
    console.log(`RESULT ${what}/one-by-one/batch ${(single / batch).toFixed(1)} ratio goal 10`);
  }
}
