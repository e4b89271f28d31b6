/**
 * The network: what a packet and what a container's coming and going cost, in network namespaces of the bench's own.
 *
 * `npm run bench -- network peers rules changes stops` are its parts; default: all.
 *
 * Everything is below one process that is the first of a pid namespace: whatever ends it takes all with it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['podman', 'netavark', 'crun', 'iptables', 'iperf3', 'iproute2'];

try {
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], {
    stdio: 'ignore',
  });
} catch {
  console.log('some peers could not be installed');
}

const main = fileURLToPath(new URL('./network/main.mjs', import.meta.url));
const own = [
  '--net',
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];
// It ends when its standard input does, and so with this process, however that ends.
const inside = spawn('unshare', [...own, process.execPath, main, ...process.argv.slice(3)], {
  stdio: ['pipe', 'inherit', 'inherit'],
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
});
const [code] = await once(inside, 'exit');
process.exitCode = code ?? 1;
