/** Interfaces of containers' own, on bridges and beside an interface, in network namespaces. */
import { describe, expect, it } from 'vitest';
import type { InterfacePlan } from '../../src/plan/network/network-plan.js';
import { useHostNetwork } from '../helpers/host-network.js';
import type { Machine } from '../helpers/networks.js';
import { interfaceOf } from '../helpers/plans.js';
import { requires } from '../helpers/requires.js';

const network = useHostNetwork();
const VETH = 'network/veth';

async function attach(plan: InterfacePlan): Promise<Machine> {
  const machine = await network.machine();
  await network.call(VETH, 'attachInterface', plan, { open: machine.namespace });
  return machine;
}

const makeBridge = (): Promise<string> =>
  network.host.run('ip link add br0 type bridge; ip addr add 10.7.0.254/24 dev br0; ip link set br0 up');

describe('an interface on a bridge', () => {
  it('reaches the host and its neighbours, and has the hardware addresses that it was to have', async () => {
    await makeBridge();
    const [one] = [await attach(interfaceOf(1)), await attach(interfaceOf(2))];
    expect(await one.reaches('10.7.0.254')).toBe(true);
    expect(await one.reaches('10.7.0.2')).toBe(true);
    expect(await one.run('ip -o link show eth0')).toContain('ce:11:00:00:00:01');
    expect(await network.host.run('ip -o link show veth101.0')).toContain('ce:11:00:00:01:01');
  });

  it('that is isolated reaches only those that are not', async () => {
    await makeBridge();
    const [one, , three] = [
      await attach(interfaceOf(1, { isolated: true })),
      await attach(interfaceOf(2, { isolated: true })),
      await attach(interfaceOf(3)),
    ];
    expect(await one.reaches('10.7.0.2')).toBe(false);
    expect(await one.reaches('10.7.0.3')).toBe(true);
    expect(await one.reaches('10.7.0.254')).toBe(true);
    expect(await three.reaches('10.7.0.2')).toBe(true);
  });

  it('sends elsewhere by its gateway', async () => {
    await makeBridge();
    const one = await attach(interfaceOf(1, { gateways: ['10.7.0.254'] }));
    await network.host.run('ip addr add 198.51.100.1/32 dev lo');
    expect(await one.reaches('198.51.100.1')).toBe(true);
  });

  it('takes the place of one that was left, not of one that is not ours, and may be taken away twice', async () => {
    await makeBridge();
    const [, again] = [await attach(interfaceOf(1)), await attach(interfaceOf(1))];
    expect(await again.reaches('10.7.0.254')).toBe(true);
    for (const _ of [1, 2])
      await network.call(VETH, 'detachInterface', interfaceOf(1), { open: again.namespace });
    await expect(again.run('ip link show eth0')).rejects.toThrow();
    await network.host.run('ip link add veth102.0 type bridge');
    await expect(attach(interfaceOf(2))).rejects.toMatchObject({ code: 'VETH_FAILED' });
    expect(await network.host.run('ip -d -o link show veth102.0')).toContain('bridge');
  });

  it('is refused where there is no such bridge, or none that tells VLANs apart, and nothing is made', async () => {
    await expect(attach(interfaceOf(1))).rejects.toMatchObject({
      code: 'VETH_FAILED',
      message: "this host has no bridge or interface 'br0'",
    });
    await makeBridge();
    for (const more of [{ vlan: 7 }, { trunks: [7, 8] }])
      await expect(attach(interfaceOf(1, more))).rejects.toMatchObject({
        code: 'VETH_FAILED',
        message: "'br0' is no bridge that tells VLANs apart",
      });
    await expect(network.host.run('ip link show veth101.0')).rejects.toThrow();
  });
});

describe('an interface on a bridge that tells VLANs apart', () => {
  requires('bridge-vlans');

  it('reaches those of its own, and others with the tags that it may use', async () => {
    await network.host.run('ip link add br0 type bridge vlan_filtering 1; ip link set br0 up');
    const [one, , , trunk] = [
      await attach(interfaceOf(1, { vlan: 7 })),
      await attach(interfaceOf(2, { vlan: 7 })),
      await attach(interfaceOf(3, { vlan: 8 })),
      await attach(interfaceOf(4, { trunks: [8] })),
    ];
    expect(await one.reaches('10.7.0.2')).toBe(true);
    expect(await one.reaches('10.7.0.3')).toBe(false);
    expect(await one.reaches('10.7.0.4')).toBe(false);
    await trunk.run(`
      ip addr flush dev eth0; ip link add link eth0 name tagged7 type vlan id 7
      ip link add link eth0 name tagged8 type vlan id 8; ip link set tagged7 up; ip link set tagged8 up
      ip addr add 10.7.0.5/24 dev tagged8`);
    expect(await trunk.reaches('10.7.0.3')).toBe(true);
    await trunk.run('ip addr flush dev tagged8; ip addr add 10.7.0.5/24 dev tagged7');
    expect(await trunk.reaches('10.7.0.1')).toBe(false);
  });
});

describe('a macvlan', () => {
  it('is beside an interface of the host, and is gone when it is taken away', async () => {
    const wan = await network.neighbour('eth0');
    const addresses = [{ family: 4, address: '192.0.2.7', prefix: 24 }] as const;
    const plan = interfaceOf(1, { kind: 'macvlan', host: null, bridge: 'eth0', addresses });
    const machine = await attach(plan);
    expect(await wan.reaches('192.0.2.7')).toBe(true);
    expect(await machine.run('ip -o link show type macvlan')).toMatch(/^\d+: eth0@/);
    for (const _ of [1, 2]) await network.call(VETH, 'detachInterface', plan, { open: machine.namespace });
    expect(await wan.reaches('192.0.2.7')).toBe(false);
  });
});

describe('many links', () => {
  it('go by one batch, and only those that are named', async () => {
    await network.host.run(
      `for n in $(seq 500); do echo "link add a$n type veth peer name b$n"; done | ip -batch -
       ip link add kept type bridge`,
    );
    const names = Array.from({ length: 500 }, (_, at) => [`a${at + 1}`, `b${at + 1}`]).flat();
    // The second removes what is gone already.
    for (const _ of [1, 2]) await network.call('netlink/links', 'removeLinks', [...names, 'missing']);
    const left = await network.host.run('ip -o link show');
    expect(left.split('\n').map((line) => line.split(': ')[1])).toEqual(
      expect.arrayContaining(['lo', 'kept']),
    );
    expect(left).not.toMatch(/[ab]\d+@/);
  });
});
