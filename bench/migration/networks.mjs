/** Two hosts and somebody who is connected to what runs on either: networks of their own, on one bridge. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Of the container, and of the three. */
export const ADDRESS = '10.77.0.50';
const NAMES = ['client', 'here', 'there'];
const addressOf = (at) => `10.77.0.${at + 1}`;

export async function openNetworks() {
  const holders = [];
  for (const name of NAMES) {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo ready; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    holders.push({ name, holder });
  }
  const namespaceOf = (at) => `/proc/${holders[at].holder.pid}/ns/net`;
  const within = (at) => ['nsenter', `--net=${namespaceOf(at)}`];
  const run = (at, script) => execFileSync('nsenter', [...within(at).slice(1), 'sh', '-euc', script]);
  run(
    0,
    `ip link add bridge0 type bridge; ip addr add ${addressOf(0)}/24 dev bridge0; ip link set bridge0 up`,
  );
  for (const at of [1, 2]) {
    run(
      0,
      `ip link add ${NAMES[at]} type veth peer name eth0 netns ${namespaceOf(at)}; ip link set ${NAMES[at]} master bridge0 up`,
    );
    run(at, `ip addr add ${addressOf(at)}/24 dev eth0; ip link set eth0 up`);
  }
  return {
    client: within(0),
    hosts: [within(1), within(2)],
    close: () => {
      for (const { holder } of holders) holder.kill('SIGKILL');
    },
  };
}
