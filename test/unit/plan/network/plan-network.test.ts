/** A config's network as a plan: links, private addresses, published ports, packet filter, rates. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../../src/config/container-config.js';
import { parseCtid } from '../../../../src/config/ctid.js';
import { parseConfig } from '../../../../src/config/grammar.js';
import { parseNetwork } from '../../../../src/config/networks.js';
import { ifbName, macOf, venetName, vethName } from '../../../../src/plan/network/names.js';
import {
  keptPrivate,
  type NetworkFacts,
  planNetwork,
  wantedPrivate,
} from '../../../../src/plan/network/plan-network.js';

const four = parseNetwork('10.7.7.0/24');
const six = parseNetwork('fd07::/64');
const FACTS: NetworkFacts = {
  machineId: '0123456789abcdef0123456789abcdef',
  rootGroup: '',
  privateNetworks: [four, six],
  natAddress: [],
};

const configOf = (text: string) =>
  readContainerConfig(parseCtid('101'), parseConfig(''), parseConfig(text), { host: 'h', container: 'c' });
const plan = (text: string, facts: Partial<NetworkFacts> = {}) =>
  planNetwork(configOf(text), { ...FACTS, ...facts });
const PRIVATE = { natAddress: ['10.7.7.2', 'fd07::2'] };

describe('planNetwork', () => {
  it('has nothing where nothing is asked for', () => {
    expect(plan('')).toEqual({
      ctid: 101,
      venet: null,
      interfaces: [],
      published: [],
      firewall: null,
      shaping: null,
    });
  });

  it('routes addresses one by one, the private ones last', () => {
    const { venet } = plan('IP_ADDRESS="192.0.2.1/24 2001:db8::1"\nNAT="yes"\n', PRIVATE);
    expect(venet).toEqual({
      hostName: 'venet101',
      mac: expect.stringMatching(/^ce:11(:[0-9a-f]{2}){4}$/),
      addresses: [
        { family: 4, address: '192.0.2.1', private: false },
        { family: 6, address: '2001:db8::1', private: false },
        { family: 4, address: '10.7.7.2', private: true },
        { family: 6, address: 'fd07::2', private: true },
      ],
    });
  });

  it('leaves out private addresses that are not wanted any more, or of another network', () => {
    expect(plan('IP_ADDRESS="192.0.2.1"\n', PRIVATE).venet?.addresses).toHaveLength(1);
    expect(plan('NAT="yes"\n', { natAddress: ['10.8.0.2'] }).venet).toBeNull();
    expect(keptPrivate(['10.7.7.9', 'fd08::1'], [four, six])).toEqual(['10.7.7.9']);
  });

  it.each([
    ['', []],
    ['NAT="yes"', [four, six]],
    ['NAT="no"\nPUBLISH="80:80"', []],
    ['PUBLISH="80:80"', [four, six]],
    ['PUBLISH="0.0.0.0:80:80"', [four]],
    ['PUBLISH="[2001:db8::9]:80:80"', [six]],
    ['IP_ADDRESS="192.0.2.1"\nPUBLISH="80:80"', []],
    ['IP_ADDRESS="192.0.2.1"\nPUBLISH="[::]:80:80"', [six]],
    ['IP_ADDRESS="192.0.2.1"\nNAT="yes"', [four, six]],
  ])('%j wants private addresses of %j', (text, networks) => {
    expect(wantedPrivate(configOf(`${text}\n`).network, [four, six])).toEqual(networks);
  });

  it('publishes ports of both families, as far as there are addresses, private ones first', () => {
    const text = 'PUBLISH="8080-8081:80 192.0.2.9:53:53/udp [2001:db8::9]:25:25 0.0.0.0:7:7"\n';
    const of = (family: 4 | 6, to: string) => ({ family, to: { address: to, port: 80 } });
    expect(plan(text, PRIVATE).published).toEqual([
      { ...of(4, '10.7.7.2'), protocol: 'tcp', address: null, ports: { first: 8080, last: 8081 } },
      { ...of(6, 'fd07::2'), protocol: 'tcp', address: null, ports: { first: 8080, last: 8081 } },
      {
        family: 4,
        protocol: 'udp',
        address: '192.0.2.9',
        ports: { first: 53, last: 53 },
        to: { address: '10.7.7.2', port: 53 },
      },
      {
        family: 6,
        protocol: 'tcp',
        address: '2001:db8::9',
        ports: { first: 25, last: 25 },
        to: { address: 'fd07::2', port: 25 },
      },
      {
        family: 4,
        protocol: 'tcp',
        address: null,
        ports: { first: 7, last: 7 },
        to: { address: '10.7.7.2', port: 7 },
      },
    ]);
    const own = plan('IP_ADDRESS="192.0.2.1"\nPUBLISH="80:80"\n').published;
    expect(own.map(({ family, to }) => [family, to.address])).toEqual([[4, '192.0.2.1']]);
    const both = plan('IP_ADDRESS="192.0.2.1"\nNAT="yes"\nPUBLISH="80:80"\n', PRIVATE).published;
    expect(both.map(({ to }) => to.address)).toEqual(['10.7.7.2', 'fd07::2']);
  });

  it('refuses ports that lead nowhere', () => {
    expect(() => plan('NAT="no"\nPUBLISH="80:80"\n')).toThrow(
      expect.objectContaining({
        code: 'IP_FAILED',
        message: 'port 80 is published, but the container has no address',
      }),
    );
    expect(() => plan('IP_ADDRESS="192.0.2.1"\nNAT="no"\nPUBLISH="[::]:80:80"\n')).toThrow(
      'port 80 is published, but the container has no address of IPv6',
    );
  });

  it('makes pairs and macvlans', () => {
    const { interfaces } = plan(
      `NETIF="ifname=eth0,bridge=br0,ip=198.51.100.5/24,gw=198.51.100.1,vlan=5,isolated=yes;\
ifname=eth1,type=routed,bridge=br0,dhcp=yes,mac=02:00:00:00:00:01,host_mac=02:00:00:00:00:02,host_ifname=up1;\
ifname=eth2,type=macvlan,bridge=eno1,configure=none,trunks=3"\n`,
    );
    expect(interfaces).toEqual([
      {
        kind: 'veth',
        name: 'eth0',
        mac: macOf(FACTS, 101, 'eth0', 'container'),
        host: { name: 'veth101.0', mac: macOf(FACTS, 101, 'eth0', 'host') },
        bridge: 'br0',
        addresses: [{ family: 4, address: '198.51.100.5', prefix: 24 }],
        gateways: ['198.51.100.1'],
        dhcp4: false,
        dhcp6: false,
        configure: true,
        macFilter: true,
        ipFilter: true,
        isolated: true,
        vlan: 5,
        trunks: [],
      },
      expect.objectContaining({
        kind: 'veth',
        mac: '02:00:00:00:00:01',
        host: { name: 'up1', mac: '02:00:00:00:00:02' },
        bridge: null,
        dhcp4: true,
        ipFilter: false,
        vlan: null,
      }),
      expect.objectContaining({ kind: 'macvlan', host: null, bridge: 'eno1', configure: false, trunks: [3] }),
    ]);
  });

  it('gives no two interfaces one name on the host', () => {
    const { interfaces } = plan('NETIF="ifname=a0,host_ifname=veth101.1;ifname=b0;ifname=a1;ifname=lan"\n');
    const names = interfaces.map(({ host }) => host?.name);
    expect(names.slice(0, 2)).toEqual(['veth101.1', 'veth101.0']);
    expect(new Set(names).size).toBe(4);
    expect(names.slice(2)).toEqual([
      expect.stringMatching(/^veth[0-9a-f]{11}$/),
      expect.stringMatching(/^veth[0-9a-f]{11}$/),
    ]);
  });

  it('makes a rule for each range of ports', () => {
    expect(
      plan('FIREWALL="in:accept:tcp:25,80-90:10.0.0.0/8 out:drop"\nFIREWALL_IN="drop"\n').firewall,
    ).toEqual({
      policyIn: 'drop',
      policyOut: 'accept',
      rules: [
        {
          direction: 'in',
          action: 'accept',
          protocol: 'tcp',
          ports: { first: 25, last: 25 },
          peer: { family: 4, address: '10.0.0.0', prefix: 8 },
        },
        {
          direction: 'in',
          action: 'accept',
          protocol: 'tcp',
          ports: { first: 80, last: 90 },
          peer: { family: 4, address: '10.0.0.0', prefix: 8 },
        },
        { direction: 'out', action: 'drop', protocol: 'any', ports: null, peer: null },
      ],
    });
    expect(plan('FIREWALL_OUT="drop"\n').firewall).toEqual({
      policyIn: 'accept',
      policyOut: 'drop',
      rules: [],
    });
  });

  it('shapes', () => {
    expect(plan('RATE="1mbit/2mbit/4K"\n').shaping).toEqual({
      in: { rate: 1e6, burst: 4096 },
      out: { rate: 2e6, burst: 4096 },
      ifb: 'ifb101',
    });
  });
});

describe('names of links', () => {
  const place = {
    ctid: fc.integer({ min: 1, max: 2_147_483_644 }),
    root: fc.constantFrom('', 'root-1a2b3c4d', 'odd'),
  };

  it('fit, are those of every start, and differ by container and root', () => {
    fc.assert(
      fc.property(
        place.ctid,
        place.ctid,
        place.root,
        fc.stringMatching(/^[a-z]{1,10}[0-9]{0,5}$/),
        (a, b, root, ifname) => {
          const names = (ctid: number) => [
            venetName(ctid, root),
            ifbName(ctid, root),
            vethName(ctid, ifname, { rootGroup: root, taken: new Set() }),
          ];
          for (const name of names(a)) expect(name).toMatch(/^[a-z0-9.]{1,15}$/);
          expect(names(a)).toEqual(names(a));
          expect(new Set([...names(a), ...names(b)]).size).toBe(a === b ? 3 : 6);
        },
      ),
    );
    expect(venetName(101, 'root-1a2b3c4d')).toBe('v1a2b101');
    expect(venetName(101, '')).toBe('venet101');
  });

  it('hardware addresses are of one interface, for local use, and differ by whatever they are of', () => {
    const of = (machineId: string, rootGroup: string, ctid: number, name: string, side: string) =>
      macOf({ machineId, rootGroup }, ctid, name, side);
    const all = [
      of('a', '', 1, 'eth0', 'host'),
      of('b', '', 1, 'eth0', 'host'),
      of('a', 'root-1', 1, 'eth0', 'host'),
      of('a', '', 2, 'eth0', 'host'),
      of('a', '', 1, 'eth1', 'host'),
      of('a', '', 1, 'eth0', 'container'),
    ];
    expect(new Set(all).size).toBe(all.length);
    for (const mac of all) expect(mac).toMatch(/^ce:11(:[0-9a-f]{2}){4}$/);
    expect(0xce & 3).toBe(2);
  });
});
