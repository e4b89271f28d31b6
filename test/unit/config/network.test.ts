/** Options and keys of the network: each grammar, what it is saved as, and what is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { applyEdits } from '../../../src/config/edits.js';
import { formatConfig, parseConfig } from '../../../src/config/grammar.js';
import type { NetworkConfig } from '../../../src/config/network-config.js';
import {
  fromBits,
  isWithin,
  networkOf,
  overlap,
  parseNetwork,
  sizeOf,
  toBits,
} from '../../../src/config/networks.js';
import { changesFromOptions, type Options } from '../../../src/config/overrides.js';
import { forAnother } from '../../../src/config/own-settings.js';
import { collide, PUBLISH } from '../../../src/config/ports.js';

const edited = (before: string, options: Options): string =>
  formatConfig(applyEdits(parseConfig(before), changesFromOptions(options)));
const read = (own: string, host = ''): NetworkConfig =>
  readContainerConfig(parseCtid('101'), parseConfig(host), parseConfig(own), { host: 'h', container: 'c' })
    .network;
const given = (options: Options): NetworkConfig => read(edited('', options));

describe('options of the network', () => {
  it.each<[before: string, options: Options, after: string]>([
    [
      '',
      { publish: ['8080:80', '192.0.2.1:25:25/tcp', '[2001:DB8::0]:53:53/udp'] },
      'PUBLISH="8080:80/tcp 192.0.2.1:25:25/tcp [2001:db8::]:53:53/udp"\n',
    ],
    ['', { publish: '9000-9010:100-110,0.0.0.0:1:1' }, 'PUBLISH="9000-9010:100/tcp 0.0.0.0:1:1/tcp"\n'],
    ['PUBLISH="8080:80/tcp"\n', { publish: '8080:81' }, 'PUBLISH="8080:81/tcp"\n'],
    ['PUBLISH="8080:80/tcp 8080:80/udp"\n', { unpublish: '8080' }, 'PUBLISH="8080:80/udp"\n'],
    ['PUBLISH="8080:80/tcp 8080:80/udp"\n', { unpublish: '8080/udp' }, 'PUBLISH="8080:80/tcp"\n'],
    [
      'PUBLISH="1.2.3.4:8-9:80/tcp [fd00::1]:8:80/tcp"\n',
      { unpublish: ['1.2.3.4:8-9:80/tcp', '[FD00:0::1]:8'] },
      '',
    ],
    ['PUBLISH="8080:80/tcp"\n', { unpublish: 'all' }, ''],
    [
      '',
      { fw_add: ['in:accept:tcp:25,587:10.0.0.0/8', 'out:drop:udp:53:@blocked', 'in:drop'] },
      'FIREWALL="in:accept:tcp:25,587:10.0.0.0/8 out:drop:udp:53:@blocked in:drop"\n',
    ],
    ['', { fw_add: 'in:reject:any:any:any' }, 'FIREWALL="in:reject"\n'],
    [
      '',
      { fw_add: ['in:accept:::2001:DB8::/32', 'in:accept:icmp::[fd00::1]'] },
      'FIREWALL="in:accept:any:any:2001:db8::/32 in:accept:icmp:any:fd00::1/128"\n',
    ],
    ['FIREWALL="in:drop:tcp:5-9"\n', { fw_del: 'in:drop:tcp:5-9:any' }, ''],
    ['', { fw_in: 'drop', fw_out: 'accept' }, 'FIREWALL_IN="drop"\nFIREWALL_OUT="accept"\n'],
    ['', { nat: 'yes', nat_names: 'no' }, 'NAT="yes"\nNAT_NAMES="no"\n'],
    ['', { rate: '10mbit/20.5mbit/64K' }, 'RATE="10mbit/20500kbit/64K"\n'],
    ['', { rate: '500/0' }, 'RATE="500kbit/0"\n'],
    ['RATE="1mbit/1mbit *:1:500"\n', { rate: '2gbit/1500bit/3000' }, 'RATE="2gbit/1500bit/3000 *:1:500"\n'],
    [
      '',
      { netif_add: 'ifname=eth0,bridge=br0,type=macvlan,isolated=yes,vlan=7,trunks=9 10-12' },
      'NETIF="ifname=eth0,bridge=br0,type=macvlan,isolated=yes,vlan=7,trunks=9 10-12"\n',
    ],
    [
      'NETIF="ifname=eth0,bridge=a"\n',
      { ifname: 'eth0', vlan: '7', trunks: '9,10-12', isolated: 'yes', ip_filter: 'on', type: 'bridged' },
      'NETIF="ifname=eth0,bridge=a,ip_filter=on,type=bridged,isolated=yes,vlan=7,trunks=9 10-12"\n',
    ],
    [
      'NETIF="ifname=eth0,bridge=a,vlan=7,trunks=9"\n',
      { ifname: 'eth0', vlan: 'none', trunks: 'none', bridge: '' },
      'NETIF="ifname=eth0"\n',
    ],
    [
      'NETIF="ifname=eth0,ip=10.0.0.5/24"\n',
      { ifname: 'eth0', ipadd: ['10.0.0.6/24', 'FD00::1/64'], ipdel: '10.0.0.5' },
      'NETIF="ifname=eth0,ip=10.0.0.6/24 fd00::1/64"\n',
    ],
    [
      'NETIF="ifname=eth0,ip=10.0.0.5/24"\nIP_ADDRESS="10.9.9.9"\n',
      { ifname: 'eth0', ipdel: 'all' },
      'NETIF="ifname=eth0"\nIP_ADDRESS="10.9.9.9"\n',
    ],
  ])('%j with %j is %j', (before, options, after) => {
    expect(edited(before, options)).toBe(after);
    expect(edited(after, {})).toBe(after);
  });

  it.each<[Options, code: string, message: string]>([
    [{ publish: '80' }, 'BAD_VALUE', '--publish: [ADDRESS:]PORT[-PORT]:PORT[/tcp|udp] expected: "80"'],
    [{ publish: '0:80' }, 'BAD_VALUE', '--publish: a port from 1 to 65535 expected: "0"'],
    [{ publish: '65536:80' }, 'BAD_VALUE', '--publish: a port from 1 to 65535 expected: "65536"'],
    [{ publish: '9-8:80' }, 'BAD_VALUE', '--publish: ports from a lower to a higher one expected: "9-8"'],
    [
      { publish: '80-90:80-89' },
      'BAD_VALUE',
      '--publish: as many ports of the container as of the host expected: "80-90:80-89"',
    ],
    [
      { publish: '1-10:65530' },
      'BAD_VALUE',
      '--publish: ports of the container would go beyond 65535: "1-10:65530"',
    ],
    [{ publish: '80:80/sctp' }, 'BAD_VALUE', '--publish: tcp or udp expected: "sctp"'],
    [
      { publish: '127.0.0.1:80:80' },
      'BAD_ADDRESS',
      '--publish: address of every loopback, not of one host: "127.0.0.1"',
    ],
    [
      { publish: '[::1]:80:80' },
      'BAD_ADDRESS',
      '--publish: address of every loopback, not of one host: "::1"',
    ],
    [{ publish: '[1.2.3.4]:80:80' }, 'BAD_ADDRESS', '--publish: IPv6 alone stands in brackets: "[1.2.3.4]"'],
    [
      { fw_add: 'in' },
      'BAD_VALUE',
      '--fw_add: in|out:accept|drop|reject[:PROTOCOL[:PORTS[:PEER]]] expected: "in"',
    ],
    [{ fw_add: 'up:drop' }, 'BAD_VALUE', '--fw_add: in or out expected: "up"'],
    [{ fw_add: 'in:drop:sctp' }, 'BAD_VALUE', '--fw_add: tcp, udp, icmp or any expected: "sctp"'],
    [{ fw_add: 'in:drop:icmp:5' }, 'BAD_VALUE', '--fw_add: only tcp and udp have ports: "in:drop:icmp:5"'],
    [
      { fw_add: 'in:drop:::10.0.0.1/8' },
      'BAD_ADDRESS',
      '--fw_add: address has bits beyond its mask, 10.0.0.0/8 has not: "10.0.0.1/8"',
    ],
    [{ fw_add: 'in:drop:::@../x' }, 'BAD_VALUE', '--fw_add: bad name of a set of networks: "@../x"'],
    [{ fw_in: 'reject' }, 'BAD_VALUE', '--fw_in: accept or drop expected: "reject"'],
    [{ ipadd: '10.0.0.1/33' }, 'BAD_ADDRESS', '--ipadd: bad IP address: "10.0.0.1/33"'],
    [{ ipadd: '224.0.0.1' }, 'BAD_ADDRESS', '--ipadd: address of a group, not of one host: "224.0.0.1"'],
    [{ ipadd: 'fe80::1' }, 'BAD_ADDRESS', '--ipadd: address of a link, not of one host: "fe80::1"'],
    [{ rate: '1/2/3/4' }, 'BAD_VALUE', '--rate: IN/OUT[/BURST] expected: "1/2/3/4"'],
    [{ rate: '1mb/2' }, 'BAD_VALUE', '--rate: a rate from 1kbit to 1000gbit, or 0, expected: "1mb"'],
    [{ rate: '1bit/2' }, 'BAD_VALUE', '--rate: a rate from 1kbit to 1000gbit, or 0, expected: "1bit"'],
    [{ rate: '1/2/100' }, 'BAD_VALUE', '--rate: a burst from 2048 bytes to 1024M expected: "100"'],
    [
      { netif_add: 'ifname=eth0,type=ipvlan' },
      'BAD_VALUE',
      '--netif_add: routed, bridged or macvlan expected: "ipvlan"',
    ],
    [{ netif_add: 'a234567890123456' }, 'BAD_VALUE', '--netif_add: bad interface name: "a234567890123456"'],
    [
      { netif_add: 'ifname=eth0,vlan=4095' },
      'BAD_VALUE',
      '--netif_add: a VLAN from 1 to 4094 expected: "4095"',
    ],
    [
      { netif_add: 'ifname=eth0,ip_add=10.0.0.1' },
      'BAD_VALUE',
      '--netif_add: unknown field of a network interface: "ip_add"',
    ],
    [
      { ifname: 'eth0', trunks: '5-3' },
      'BAD_VALUE',
      '--trunks: VLANs from a lower to a higher one expected: "5-3"',
    ],
    [{ ifname: 'eth0', gw: 'fd00::1' }, 'BAD_ADDRESS', '--gw: an address of IPv4 expected: "fd00::1"'],
    [
      { ifname: 'eth0', ipadd: '127.0.0.1' },
      'BAD_ADDRESS',
      '--ipadd: address of every loopback, not of one host: "127.0.0.1"',
    ],
    [{ vlan: '5' }, 'BAD_OPTION', '--vlan: say by --ifname of which interface'],
    [{ ifname: 'eth0' }, 'BAD_OPTION', '--ifname: say what of the interface is to change'],
  ])('refuse %j', (options, code, message) => {
    expect(() => changesFromOptions(options)).toThrow(expect.objectContaining({ code, message }));
  });
});

describe('the network of a config', () => {
  it('is empty where nobody says anything', () => {
    expect(read('')).toEqual({
      addresses: [],
      nat: undefined,
      natAddresses: [],
      natNames: undefined,
      published: [],
      interfaces: [],
      firewall: { policyIn: 'accept', policyOut: 'accept', rules: [] },
      shaping: null,
    });
  });

  it('has typed parts', () => {
    const network = given({
      ipadd: '192.0.2.1',
      nat: 'yes',
      publish: ['8080-8081:80', '[2001:db8::1]:53:53/udp'],
      fw_add: 'in:accept:tcp:25,587-588:@friends',
      fw_in: 'drop',
      netif_add:
        'ifname=eth0,bridge=br0,ip=198.51.100.5 fd00::5/48,gw=198.51.100.1,gw6=none,vlan=3,trunks=9-10 5',
      rate: '8mbit/0',
    });
    expect(network).toEqual({
      addresses: [{ family: 4, address: '192.0.2.1', prefix: undefined }],
      nat: true,
      natAddresses: [],
      natNames: undefined,
      published: [
        { family: null, address: null, protocol: 'tcp', ports: { first: 8080, last: 8081 }, to: 80 },
        { family: 6, address: '2001:db8::1', protocol: 'udp', ports: { first: 53, last: 53 }, to: 53 },
      ],
      interfaces: [
        {
          name: 'eth0',
          mac: undefined,
          hostName: undefined,
          hostMac: undefined,
          type: 'bridged',
          bridge: 'br0',
          addresses: [
            { family: 4, address: '198.51.100.5', prefix: 24 },
            { family: 6, address: 'fd00::5', prefix: 48 },
          ],
          gateways: ['198.51.100.1'],
          dhcp4: false,
          dhcp6: false,
          configure: true,
          macFilter: true,
          ipFilter: true,
          isolated: false,
          vlan: 3,
          trunks: [5, 9, 10],
        },
      ],
      firewall: {
        policyIn: 'drop',
        policyOut: 'accept',
        rules: [
          {
            direction: 'in',
            action: 'accept',
            protocol: 'tcp',
            ports: [
              { first: 25, last: 25 },
              { first: 587, last: 588 },
            ],
            peer: { set: 'friends' },
          },
        ],
      },
      shaping: { in: { rate: 8e6, burst: 32_768 }, out: null },
    });
  });

  it.each([
    ['dhcp=yes,ip=10.0.0.5/24', true, false],
    ['ip=10.0.0.5/24', true, true],
    ['ip=10.0.0.5/24,configure=none', true, false],
    ['ip=10.0.0.5/24,ip_filter=off,mac_filter=off', false, false],
    ['ip_filter=on', true, true],
  ])('filters hardware addresses, and addresses where all are fixed: %s', (fields, macFilter, ipFilter) => {
    expect(read(`NETIF="ifname=eth0,bridge=b,${fields}"\n`).interfaces).toMatchObject([
      { macFilter, ipFilter },
    ]);
  });

  it.each([
    ['RATE="*:1:500"', { in: null, out: { rate: 500_000, burst: 32_768 } }],
    ['RATE="eth0:1:500 eth0:2:900"', { in: null, out: { rate: 900_000, burst: 32_768 } }],
    [
      'RATE="*:1:500 1gbit/1mbit/1M"',
      { in: { rate: 1e9, burst: 1 << 20 }, out: { rate: 1e6, burst: 1 << 20 } },
    ],
    ['RATE="1gbit/0"', { in: { rate: 1e9, burst: 1_250_000 }, out: null }],
    ['RATE="0/0"', null],
    ['RATE="*:1:500"\nRATEBOUND="no"', null],
    ['RATE="1mbit/0"\nRATEBOUND="no"', { in: { rate: 1e6, burst: 32_768 }, out: null }],
    ['RATE="1mbit/0"\nTRAFFIC_SHAPING="no"', null],
  ])('%s shapes %j', (text, shaping) => expect(read(`${text}\n`).shaping).toEqual(shaping));

  it.each([
    ['IP_ADDRESS="10.0.0.1 10.0.0.1/8"', 'IP_ADDRESS: an address is there twice: "10.0.0.1"'],
    ['IP_ADDRESS="fd00::1 FD00:0::1"', 'IP_ADDRESS: an address is there twice: "fd00::1"'],
    [
      'IP_ADDRESS="10.0.0.1"\nNAT_ADDRESS="10.0.0.1"',
      'NAT_ADDRESS: an address is there twice: "10.0.0.1"',
      2,
    ],
    [
      'IP_ADDRESS="10.0.0.1"\nNETIF="ifname=a,ip=10.0.0.1/8"',
      'NETIF: an address is there twice: "10.0.0.1"',
      2,
    ],
    ['NAT_ADDRESS="10.0.0.1 10.0.0.2"', 'NAT_ADDRESS: one address of IPv4 expected: "10.0.0.2"'],
    ['NETIF="ifname=a,ip=10.0.0.1/8;ifname=b,ip=10.0.0.1/8"', 'NETIF: an address is there twice: "10.0.0.1"'],
    ['NETIF="ifname=eth0;ifname=eth0"', 'NETIF: there are two interfaces of that name: "eth0"'],
    [
      'NETIF="ifname=a,host_ifname=x;ifname=b,host_ifname=x"',
      'NETIF: two interfaces have that name on the host: "x"',
    ],
    [
      'NETIF="ifname=a,mac=02:00:00:00:00:01;ifname=b,host_mac=02:00:00:00:00:01"',
      'NETIF: a hardware address is there twice: "02:00:00:00:00:01"',
    ],
    [
      'NETIF="ifname=a,type=macvlan"',
      'NETIF: a macvlan needs the interface of the host that it is on (bridge): "a"',
    ],
    ['NETIF="ifname=a;ifname=b"\nNUMNETIF="1"', 'NETIF: NUMNETIF allows 1, and there are 2'],
    ['PUBLISH="80:80 70-90:1"', 'PUBLISH: 80/tcp is published already: "70-90:1/tcp"'],
    ['PUBLISH="192.0.2.1:80:80 80:80"', 'PUBLISH: 192.0.2.1:80/tcp is published already: "80:80/tcp"'],
    [
      'PUBLISH="0.0.0.0:80:80 192.0.2.1:80:80"',
      'PUBLISH: 0.0.0.0:80/tcp is published already: "192.0.2.1:80:80/tcp"',
    ],
    ['NAT="yes"\nNAT="no"', 'NAT: already set on line 1', 2],
  ])('%s is refused', (text, complaint, line = 1) => {
    expect(() => read(`${text}\n`)).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: `c:${line}: ${complaint}` }),
    );
  });

  it.each([
    'PUBLISH="80:80 80:80/udp"',
    'PUBLISH="0.0.0.0:80:80 [::]:80:80"',
    'PUBLISH="192.0.2.1:80:80 192.0.2.2:80:80 [2001:db8::1]:80:80"',
    'PUBLISH="80-89:80 90-99:80"',
  ])('%s goes together', (text) => expect(read(`${text}\n`).published.length).toBeGreaterThan(1));

  it('has defaults of vz.conf', () => {
    expect(read('', 'NAT="yes"\nFIREWALL_IN="drop"\n')).toMatchObject({
      nat: true,
      firewall: { policyIn: 'drop' },
    });
  });

  it('goes to another container without what no two may have', () => {
    const file = parseConfig(
      'NAME="a"\nIP_ADDRESS="10.0.0.1"\nIP_ADDRESS="10.0.0.2"\nNAT="yes"\nNAT_ADDRESS="10.1.0.2"\nPUBLISH="1:1/tcp"\n' +
        'NETIF="ifname=eth0,bridge=b,mac=02:00:00:00:00:01,host_ifname=x,ip=10.0.0.3/8,dhcp=yes;odd"\nNETIF="ifname=eth1"\n',
    );
    expect(formatConfig(forAnother(file))).toBe(
      'NAT="yes"\nNETIF="ifname=eth0,bridge=b,dhcp=yes;ifname=odd;ifname=eth1"\n',
    );
  });
});

const address = fc.oneof(
  fc.record({ family: fc.constant(4 as const), bits: fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }) }),
  fc.record({ family: fc.constant(6 as const), bits: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }) }),
);

describe('arithmetic of addresses', () => {
  it('numbers and texts are each other’s inverse', () => {
    fc.assert(
      fc.property(address, ({ family, bits }) => {
        expect(toBits(family, fromBits(family, bits))).toBe(bits);
      }),
    );
  });

  it('an address is in its own networks, and those are each in the larger one', () => {
    fc.assert(
      fc.property(address, fc.nat(128), fc.nat(128), ({ family, bits }, a, b) => {
        const width = family === 4 ? 32 : 128;
        const [small, large] = [Math.max(a, b) % (width + 1), Math.min(a, b) % (width + 1)].toSorted(
          (x, y) => y - x,
        ) as [number, number];
        const text = fromBits(family, bits);
        const [inner, outer] = [small, large].map((prefix) =>
          networkOf({ family, address: text, prefix }),
        ) as [ReturnType<typeof networkOf>, ReturnType<typeof networkOf>];
        expect(isWithin(inner, { family, address: text })).toBe(true);
        expect(isWithin(outer, inner)).toBe(true);
        expect(isWithin(inner, outer)).toBe(small === large);
        expect(overlap(outer, inner)).toBe(true);
        expect(parseNetwork(`${inner.address}/${small}`)).toEqual(inner);
        const next = toBits(family, inner.address) + sizeOf(inner);
        if (next < 1n << BigInt(width))
          expect(isWithin(inner, { family, address: fromBits(family, next) })).toBe(false);
      }),
    );
  });
});

describe('published ports', () => {
  const item = fc
    .record({
      where: fc.constantFrom('', '0.0.0.0:', '[::]:', '192.0.2.1:', '[2001:db8::1]:'),
      first: fc.integer({ min: 1, max: 40 }),
      more: fc.nat(10),
      to: fc.integer({ min: 1, max: 60_000 }),
      protocol: fc.constantFrom('tcp', 'udp'),
    })
    .map(
      ({ where, first, more, to, protocol }) =>
        `${where}${first}${more ? `-${first + more}` : ''}:${to}/${protocol}`,
    );

  it('are saved as they are read, and collide whichever comes first', () => {
    fc.assert(
      fc.property(item, item, (one, other) => {
        const [a] = PUBLISH.parse(one);
        const [b] = PUBLISH.parse(other);
        if (!a || !b) throw new Error('nothing read');
        expect(PUBLISH.list?.items(one)).toEqual([one]);
        expect(collide(a, b)).toBe(collide(b, a));
        expect(collide(a, a)).toBe(true);
        if (collide(a, b)) expect(() => PUBLISH.parse(`${one} ${other}`)).toThrow('is published already');
        else expect(PUBLISH.parse(`${one} ${other}`)).toEqual([a, b]);
      }),
    );
  });
});
