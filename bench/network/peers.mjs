/** The way between a container and another machine, beside that of podman's bridge as Debian has it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { median } from '../measure.mjs';
import { addContainer } from './hosts.mjs';
import { Place } from './place.mjs';
import { compare, IPERF, MEASURES, PING_PONG, ratio, serve } from './traffic.mjs';

const PORTS = [PING_PONG, IPERF];
const ROUNDS = 9;

/** On a host of its own, where it has the network that it makes by itself. Undefined: podman is missing. */
async function startPodman(directory) {
  const host = await Place.make();
  const wan = await host.neighbour('eth0', ['198.19.0.1/15', '198.19.0.2/15']);
  const root = `${directory}/podman/rootfs`;
  mkdirSync(`${root}/bin`, { recursive: true });
  cpSync('/bin/busybox', `${root}/bin/busybox`);
  symlinkSync('busybox', `${root}/bin/sleep`);
  const at = (name) => `${directory}/podman/${name}`;
  const places = `--root ${at('storage')} --runroot ${at('run')} --network-config-dir ${at('networks')}`;
  const podman = `podman ${places} --storage-driver vfs --events-backend none --cgroup-manager cgroupfs`;
  const published = PORTS.map((port) => `-p ${port}:${port}`).join(' ');
  const options = `--name peer --cgroups=disabled --network bridge ${published} --rootfs ${root}`;
  try {
    console.log(execFileSync('podman', ['--version'], { encoding: 'utf8' }).trim());
    await host.run(`${podman} run -d ${options} /bin/sleep 1000000`);
  } catch (error) {
    console.log(`podman has no network here: left out (${error.message})`);
    return undefined;
  }
  const container = Place.of(Number(await host.run(`${podman} inspect --format '{{.State.Pid}}' peer`)));
  await host.run('sysctl -q -w net.netfilter.nf_conntrack_tcp_timeout_close=1');
  return { wan, container };
}

/** One of ours with an interface on a bridge of the host's. */
async function addBridged({ place, wan }) {
  const container = await Place.make();
  await place.run('ip link add br0 type bridge; ip link set br0 up; ip addr add 10.77.0.1/24 dev br0');
  await wan.run('ip route add 10.77.0.0/24 via 198.19.0.1');
  await place.call(
    'attachBridged',
    'br0',
    { address: '10.77.0.2', prefix: 24, gateway: '10.77.0.1' },
    container.pid,
  );
  return container;
}

export async function measurePeers(directory, host) {
  const [venet, veth] = [await addContainer(host, PORTS), await addBridged(host)];
  const podman = await startPodman(directory);
  for (const place of [host.wan, venet, veth, podman?.wan, podman?.container]) if (place) await serve(place);
  const [outside, here] = ['198.19.0.2', '198.19.0.1'];
  const out = { venet: { from: venet, address: outside }, veth: { from: veth, address: outside } };
  const into = { venet: { from: host.wan, address: here }, veth: { from: host.wan, address: '10.77.0.2' } };
  if (podman) {
    out.podman = { from: podman.container, address: outside };
    into.podman = { from: podman.wan, address: here };
  }
  for (const [direction, ways] of Object.entries({ out, in: into }))
    for (const [name, measure] of Object.entries(MEASURES))
      tell(`network/${name}/${direction}`, measure.unit, await compare(ways, measure, ROUNDS));
}

/** Of round trips less is better, of throughput more. */
function tell(what, unit, found) {
  const text = Object.entries(found).map(([name, values]) => `${name} ${median(values).toFixed(2)} ${unit}`);
  console.log(`${what} ${text.join(', ')}`);
  const { podman, ...own } = found;
  if (podman === undefined) return;
  for (const [name, values] of Object.entries(own))
    console.log(`RESULT ${what}/${name}/podman ${ratio(values, podman).toFixed(3)} ratio goal 1`);
}
