/** Parts of plans for tests, with all that does not matter to them. */
import type { InterfacePlan } from '../../src/plan/network/network-plan.js';

/** eth0 of the container of a digit, on br0, with 10.7.0.N/24; it may use nothing but its own addresses. */
export function interfaceOf(number: number, more: Partial<InterfacePlan> = {}): InterfacePlan {
  return {
    kind: 'veth',
    name: 'eth0',
    mac: `ce:11:00:00:00:0${number}`,
    host: { name: `veth10${number}.0`, mac: `ce:11:00:00:01:0${number}` },
    bridge: 'br0',
    addresses: [{ family: 4, address: `10.7.0.${number}`, prefix: 24 }],
    gateways: [],
    dhcp4: false,
    dhcp6: false,
    configure: true,
    macFilter: true,
    ipFilter: true,
    isolated: false,
    vlan: null,
    trunks: [],
    ...more,
  };
}
