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
const LINKS = ['venet101'];
const CONTAINER = '192.0.2.11';
const HOST = '192.0.2.1';
const MBIT = 1e6;
/** An emulated processor takes its time to begin. */
const SECONDS = process.env.CELLA_LANE === 'vm' ? 8 : 2;
const servers: ChildProcess[] = [];
let container: Machine;

function plan(into: number, out: number): ShapingPlan {
  const limit = (rate: number) => (rate === 0 ? null : { rate, burst: 32_768 });
  return { in: limit(into), out: limit(out), ifb: 'ifb101' };
}

/** Bits per second of what is sent by TCP. */
async function speed(from: Machine, to: Machine, address: string, port = 5001): Promise<number> {
  const server = to.spawn(process.execPath, PUMP, 'sink', String(port), String(SECONDS / 4));
  servers.push(server);
  if (!server.stdout) throw new Error('no output');
  const lines = createInterface({ input: server.stdout });
  await once(lines, 'line');
  const said = once(lines, 'line');
  await from.run(`'${process.execPath}' '${PUMP}' fill ${address} ${port} ${SECONDS}`);
  const [line] = await said;
  server.kill('SIGKILL');
  await once(server, 'exit');
  return Number(line);
}

const receiving = (): Promise<number> => speed(network.host, container, CONTAINER);
const sending = (): Promise<number> => speed(container, network.host, HOST);

/** Frames count, what TCP carries is 1448 of 1514 bytes. */
function expectRate(measured: number, rate: number): void {
  expect(measured / ((rate * 1448) / 1514)).toBeGreaterThan(0.9);
  expect(measured / ((rate * 1448) / 1514)).toBeLessThan(1.1);
}

beforeEach(async () => {
  await network.neighbour('eth0');
  container = await network.container(venetOf(101, CONTAINER, '2001:db8::11'));
});

afterEach(() => {
  for (const server of servers.splice(0)) server.kill('SIGKILL');
});

describe('a rate of each way', () => {
  it('holds for itself, and changes while the link is up', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(8 * MBIT, 4 * MBIT));
    expectRate(await receiving(), 8 * MBIT);
    expectRate(await sending(), 4 * MBIT);
    await network.call(SHAPER, 'shape', LINKS, plan(4 * MBIT, 12 * MBIT));
    expectRate(await receiving(), 4 * MBIT);
    expectRate(await sending(), 12 * MBIT);
  });
});

describe('a rate', { tags: ['slow'] }, () => {
  it('may be of one way alone, and be taken away', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(0, 10 * MBIT));
    expectRate(await sending(), 10 * MBIT);
    expect(await receiving()).toBeGreaterThan(30 * MBIT);
    await network.call(SHAPER, 'shape', LINKS, plan(10 * MBIT, 0));
    expectRate(await receiving(), 10 * MBIT);
    expect(await sending()).toBeGreaterThan(30 * MBIT);
    expect(await network.host.run('ip link show type ifb')).toBe('');
    for (const _ of [1, 2]) await network.call(SHAPER, 'unshape', LINKS, plan(0, 0));
    expect(await receiving()).toBeGreaterThan(30 * MBIT);
    expect(await network.host.run('tc qdisc show dev venet101')).not.toMatch(/tbf|ingress/);
  });

  it('is not the guest’s to change: what it does to its own end does not matter', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(0, 8 * MBIT));
    await container.run('tc qdisc replace dev venet0 root pfifo; tc qdisc add dev venet0 ingress');
    expectRate(await sending(), 8 * MBIT);
  });

  it('is shared by all that is sent on several links, over IPv6 too', async () => {
    await network.host.run(
      'ip link add br0 type bridge; ip addr add 10.7.0.1/24 dev br0; ip link set br0 up',
    );
    await network.host.run(`
      ip link add veth101.0 type veth peer name eth0 netns ${container.namespace}
      ip link set veth101.0 master br0 up`);
    await container.run('ip addr add 10.7.0.2/24 dev eth0; ip link set eth0 up');
    await network.call(SHAPER, 'shape', [...LINKS, 'veth101.0'], plan(0, 10 * MBIT));
    expectRate(await speed(container, network.host, '10.7.0.1'), 10 * MBIT);
    const both = await Promise.all([
      speed(container, network.host, '10.7.0.1', 5002),
      speed(container, network.host, '2001:db8::1', 5003),
    ]);
    expectRate(both[0] + both[1], 10 * MBIT);
    expect(Math.min(...both)).toBeGreaterThan(0);
    expect(await network.host.run('ip -o link show type ifb | wc -l')).toBe('1');
  });

  it('takes over what a start before left, and leaves devices of others alone', async () => {
    await network.call(SHAPER, 'shape', LINKS, plan(0, 50 * MBIT));
    await network.call('netlink/links', 'removeLinks', ['venet101']);
    container = await network.container(venetOf(101, CONTAINER));
    await network.call(SHAPER, 'shape', LINKS, plan(0, 10 * MBIT));
    expectRate(await sending(), 10 * MBIT);
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
