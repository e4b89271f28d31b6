/** Hosts of Cella with any number of containers that are there already. */
import { mkdirSync } from 'node:fs';
import { Place } from './place.mjs';

/** `{ place, wan }`: of 198.18.0.0/15 and 2001:db8::/64, in which the containers' addresses are; `wan` is a neighbour. */
export async function makeHost(directory, present, families) {
  const place = await Place.makeHost();
  const wan = await place.neighbour(
    'eth0',
    ['198.19.0.1/15', '198.19.0.2/15'],
    ['2001:db8:0:0:1::1/64', '2001:db8:0:0:1::2/64'],
  );
  const rootDir = `${directory}/host-${present}-${families.join('-')}`;
  mkdirSync(rootDir);
  await place.call('open', rootDir);
  // It is about the host's part: the ends of containers that are not measured do nothing.
  const others = await Place.make();
  await others.run('sysctl -q -w net.ipv6.conf.default.disable_ipv6=1');
  const begin = performance.now();
  await place.call('populate', present, families, others.pid, 'eth0');
  if (present > 0)
    console.log(`${present} containers made in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return { present, place, wan };
}

/** A container with a private address, of which some ports are published. */
export async function addContainer({ place }, ports) {
  const container = await Place.make();
  await place.call('attachPrivate', '10.9.0.2', ports, container.pid);
  // Connections that have ended are forgotten after a second, so that those of one measurement do not slow down the next.
  await place.run('sysctl -q -w net.netfilter.nf_conntrack_tcp_timeout_close=1');
  return container;
}
