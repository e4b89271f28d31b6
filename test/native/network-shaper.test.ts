/** How fast containers may send and receive, measured between network namespaces. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShapingPlan } from '../../src/plan/network/network-plan.js';
import { useHostNetwork, venetOf } from '../helpers/host-network.js';
import type { Machine } from '../helpers/networks.js';

const network = useHostNetwork();
const SHAPER = 'network/shaper';
const PUMP = new URL('../helpers/pump.mjs', import.meta.url).pathname;
const PORT = 5001;
const [CONTAINER, CONTAINER6] = ['192.0.2.11', '2001:db8::11'];
const [WAN, WAN6] = ['192.0.2.2', '2001:db8::2'];
const LINKS = ['venet101'];
const MBIT = 1e6;
const MOMENTS = 5;
/** An emulated processor takes its time to begin. */
const slowly = process.env.CELLA_LANE === 'vm' ? 3 : 1;
const running: ChildProcess[] = [];
let container: Machine;
let wan: Machine;

function plan(into: number, out: number): ShapingPlan {
  const limit = (rate: number) => (rate === 0 ? null : { rate, burst: 32_768 });
  return { in: limit(into), out: limit(out), ifb: 'ifb101' };
}

/** Bits per second that arrive at a machine of what another one sends to all of its addresses at once. */
async function speed(from: Machine, to: Machine, ...addresses: readonly string[]): Promise<number> {
  const pump = (at: Machine, ...args: readonly (string | number)[]): ChildProcess => {
    const child = at.spawn(process.execPath, PUMP, ...args.map(String));
    running.push(child);
    return child;
  };
  const server = pump(to, 'sink', PORT, addresses.length, 0.5 * slowly, 1.5 * slowly);
  if (!server.stdout) throw new Error('no output');
  const lines = createInterface({ input: server.stdout });
  await once(lines, 'line');
  const said = once(lines, 'line');
  const clients = addresses.map((address) => pump(from, 'fill', address, PORT));
  const [line] = await said;
  for (const client of clients) client.kill('SIGKILL');
  await Promise.all(clients.map((client) => client.exitCode ?? client.signalCode ?? once(client, 'exit')));
  return Number(line);
}

const receiving = (): Promise<number> => speed(wan, container, CONTAINER);
const sending = (): Promise<number> => speed(container, wan, WAN);

/** Within a tenth. A sender that is too slow may have been kept from its processor, and gets another moment. */
async function expectRate(measure: () => Promise<number>, rate: number): Promise<void> {
  const found: number[] = [];
  do found.push((await measure()) / rate);
  while (found.length < MOMENTS && isSlow(found.at(-1)));
  expect(found.at(-1), `parts of the rate: ${found.join(', ')}`).toSatisfy(isClose);
}

const isSlow = (part = 0): boolean => part <= 0.9;
const isClose = (part = 0): boolean => !isSlow(part) && part < 1.1;

async function restart(): Promise<void> {
  container = await network.container(venetOf(101, CONTAINER, CONTAINER6));
}

beforeEach(async () => {
  wan = await network.neighbour('eth0');
  await restart();
  for (const family of [4, 6]) await network.call('network/uplinks', 'forward', family);
  await wan.run(`ip route add ${CONTAINER} via 192.0.2.1; ip route add ${CONTAINER6} via 2001:db8::1`);
});

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

describe('a rate of each way', () => {
  it('holds for itself, and changes while the link is up', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(8 * MBIT, 4 * MBIT));
    await expectRate(receiving, 8 * MBIT);
    await expectRate(sending, 4 * MBIT);
    await network.call(SHAPER, 'shape', LINKS, plan(4 * MBIT, 12 * MBIT));
    await expectRate(receiving, 4 * MBIT);
    await expectRate(sending, 12 * MBIT);
  });
});

describe('a rate', { tags: ['slow'] }, () => {
  it('may be of one way alone, and be taken away', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(0, 10 * MBIT));
    await expectRate(sending, 10 * MBIT);
    expect(await receiving()).toBeGreaterThan(30 * MBIT);
    await network.call(SHAPER, 'shape', LINKS, plan(10 * MBIT, 0));
    await expectRate(receiving, 10 * MBIT);
    expect(await sending()).toBeGreaterThan(30 * MBIT);
    expect(await network.host.run('ip link show type ifb')).toBe('');
    for (const _ of [1, 2]) await network.call(SHAPER, 'unshape', LINKS, plan(0, 0));
    expect(await receiving()).toBeGreaterThan(30 * MBIT);
    expect(await network.host.run('tc qdisc show dev venet101')).not.toMatch(/tbf|ingress/);
  });

  it('is not the guest’s to change: what it does to its own end does not matter', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(0, 8 * MBIT));
    await container.run('tc qdisc replace dev venet0 root pfifo; tc qdisc add dev venet0 ingress');
    await expectRate(sending, 8 * MBIT);
  });

  it('is shared by all that is sent on several links, over IPv6 too', async () => {
    await network.host.run(`
      ip link add veth101.0 type veth peer name eth0 netns ${container.namespace}
      ip link set veth101.0 up; ip addr add 10.7.0.1/24 dev veth101.0`);
    await container.run(`
      ip addr add 10.7.0.2/24 dev eth0; ip link set eth0 up; ip route add 198.51.100.2 via 10.7.0.1`);
    await network.host.run('ip route add 198.51.100.2 via 192.0.2.2');
    await wan.run('ip addr add 198.51.100.2/32 dev lo; ip route add 10.7.0.0/24 via 192.0.2.1');
    await network.call(SHAPER, 'shape', [...LINKS, 'veth101.0'], plan(0, 10 * MBIT));
    for (const addresses of [[WAN6], ['198.51.100.2'], [WAN6, '198.51.100.2']])
      await expectRate(() => speed(container, wan, ...addresses), 10 * MBIT);
    expect(await network.host.run('ip -o link show type ifb | wc -l')).toBe('1');
  });

  it('takes over what a start before left, and leaves devices of others alone', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(0, 50 * MBIT));
    await network.call('netlink/links', 'removeLinks', ['venet101']);
    await restart();
    await network.call(SHAPER, 'shape', LINKS, plan(0, 10 * MBIT));
    await expectRate(sending, 10 * MBIT);
    await network.host.run('ip link add ifb102 type ifb');
    const other = { ...plan(0, MBIT), ifb: 'ifb102' };
    await expect(network.call(SHAPER, 'shape', LINKS, other)).rejects.toMatchObject({
      code: 'SHAPING_FAILED',
      message: "network interface 'ifb102' is not of ours",
    });
    await network.call(SHAPER, 'unshape', LINKS, other);
    expect(await network.host.run('ip -o link show ifb102')).toContain('ifb102');
    await expect(network.call(SHAPER, 'shape', ['missing'], other)).rejects.toMatchObject({
      code: 'SHAPING_FAILED',
      message: "this host has no network interface 'missing'",
    });
  });
});
