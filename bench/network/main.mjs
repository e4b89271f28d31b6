/** The first process of the bench's own namespaces: `main.mjs [PART…]`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { measureChanges, measureStops } from './changes.mjs';
import { makeHost } from './hosts.mjs';
import { measurePeers } from './peers.mjs';
import { measureRules } from './rules.mjs';
import { makePingPong } from './traffic.mjs';

const wanted = process.argv.slice(2);
/** In memory that nobody else sees and that ends with the bench. */
const directory = '/run/bench';
process.stdin.on('end', () => process.exit(1)).resume();

// Where podman keeps its locks and its namespaces, too.
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
for (const at of ['/run/lock', '/run/netns', directory]) mkdirSync(at);
try {
  // crun refuses a host with both hierarchies of control groups.
  execFileSync('umount', ['/sys/fs/cgroup/unified'], { stdio: 'ignore' });
} catch {
  // There is none.
}

makePingPong(directory);
/** With more and more containers of these families. */
const makeHosts = async (families) => {
  const hosts = [];
  for (const present of [0, 1000, 10_000]) hosts.push(await makeHost(directory, present, families));
  return hosts;
};
const hosts = await makeHosts([4, 6]);
const [none, , many] = hosts;
const parts = {
  peers: () => measurePeers(directory, none),
  rules: () => measureRules(none, many),
  changes: async () => {
    await measureChanges(await makeHosts([4]), [4]);
    await measureChanges(hosts, [4, 6]);
    await measureChanges(hosts, [4, 6], true);
  },
  stops: () => measureStops(none),
};
for (const [name, measure] of Object.entries(parts))
  if (wanted.length === 0 || wanted.includes(name)) await measure();
process.exit(0);
