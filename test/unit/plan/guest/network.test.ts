/** A guest's network as files of each kind. */
import { describe, expect, it } from 'vitest';
import {
  chooseManager,
  type GuestInterface,
  type NetworkManager,
  networkFiles,
} from '../../../../src/plan/guest/network.js';

const VENET: GuestInterface = {
  name: 'venet0',
  addresses: ['192.0.2.7/32', '192.0.2.8/32', '2001:db8::7/128', '2001:db8::8/128'],
  gateways: ['169.254.0.1', 'fe80::1'],
  onLink: true,
  dhcp4: false,
  dhcp6: false,
};
const VETH: GuestInterface = {
  name: 'eth0',
  addresses: ['198.51.100.5/24'],
  gateways: ['198.51.100.1'],
  onLink: false,
  dhcp4: false,
  dhcp6: true,
};
const DHCP: GuestInterface = {
  ...VETH,
  name: 'eth1',
  addresses: [],
  gateways: [],
  dhcp4: true,
  dhcp6: false,
};

const shown = (manager: NetworkManager, files: Readonly<Record<string, string>> = {}): string =>
  networkFiles(manager, [VENET, VETH, DHCP], (path) => files[path])
    .map(({ path, text, mode }) => `--- ${path} ${mode.toString(8)}\n${text}`)
    .join('');

describe('networkFiles', () => {
  it('ifupdown', () => {
    const text = 'auto lo\niface lo inet loopback\n\nauto eth9\niface eth9 inet dhcp\n';
    expect(shown('ifupdown', { 'etc/network/interfaces': text })).toMatchInlineSnapshot(`
      "--- etc/network/interfaces 644
      auto lo
      iface lo inet loopback

      auto eth9
      iface eth9 inet dhcp
      # Begin of what the host writes (vzctl set); changes to it are lost.
      auto venet0
      iface venet0 inet manual
          up ip link set venet0 up
          up ip addr add 192.0.2.7/32 dev venet0
          up ip addr add 192.0.2.8/32 dev venet0
          up ip -6 addr add 2001:db8::7/128 dev venet0
          up ip -6 addr add 2001:db8::8/128 dev venet0
          up ip route add 169.254.0.1 dev venet0
          up ip route add default via 169.254.0.1 dev venet0
          up ip -6 route add default via fe80::1 dev venet0
          down ip addr flush dev venet0
      auto eth0
      iface eth0 inet manual
          up ip link set eth0 up
          up ip addr add 198.51.100.5/24 dev eth0
          up ip route add default via 198.51.100.1 dev eth0
          down ip addr flush dev eth0
      iface eth0 inet6 auto
      auto eth1
      iface eth1 inet dhcp
          up ip link set eth1 up
          down ip addr flush dev eth1
      # End of what the host writes.
      "
    `);
    expect(shown('ifupdown')).toMatch(/^--- \S+ 644\nauto lo\niface lo inet loopback\n# Begin/);
  });
  it('networkd', () =>
    expect(shown('networkd')).toMatchInlineSnapshot(`
    "--- etc/systemd/network/10-cella-venet0.network 644
    [Match]
    Name=venet0

    [Network]
    DHCP=no
    IPv6AcceptRA=no
    Address=192.0.2.7/32
    Address=192.0.2.8/32
    Address=2001:db8::7/128
    Address=2001:db8::8/128

    [Route]
    Gateway=169.254.0.1
    GatewayOnLink=yes

    [Route]
    Gateway=fe80::1
    GatewayOnLink=yes
    --- etc/systemd/network/10-cella-eth0.network 644
    [Match]
    Name=eth0

    [Network]
    DHCP=ipv6
    IPv6AcceptRA=yes
    Address=198.51.100.5/24

    [Route]
    Gateway=198.51.100.1
    --- etc/systemd/network/10-cella-eth1.network 644
    [Match]
    Name=eth1

    [Network]
    DHCP=ipv4
    IPv6AcceptRA=no
    "
  `));
  it('netplan', () =>
    expect(shown('netplan')).toMatchInlineSnapshot(`
    "--- etc/netplan/90-cella.yaml 600
    network:
      version: 2
      ethernets:
        venet0:
          dhcp4: false
          dhcp6: false
          accept-ra: false
          addresses:
            - "192.0.2.7/32"
            - "192.0.2.8/32"
            - "2001:db8::7/128"
            - "2001:db8::8/128"
          routes:
            - to: "0.0.0.0/0"
              via: "169.254.0.1"
              on-link: true
            - to: "::/0"
              via: "fe80::1"
              on-link: true
        eth0:
          dhcp4: false
          dhcp6: true
          accept-ra: true
          addresses:
            - "198.51.100.5/24"
          routes:
            - to: "0.0.0.0/0"
              via: "198.51.100.1"
        eth1:
          dhcp4: true
          dhcp6: false
          accept-ra: false
    "
  `));
  it('keyfile', () =>
    expect(shown('keyfile')).toMatchInlineSnapshot(`
    "--- etc/NetworkManager/system-connections/cella-venet0.nmconnection 600
    [connection]
    id=cella-venet0
    type=ethernet
    interface-name=venet0

    [ipv4]
    method=manual
    address1=192.0.2.7/32
    address2=192.0.2.8/32
    route1=0.0.0.0/0,169.254.0.1
    route1_options=onlink=true

    [ipv6]
    method=manual
    address1=2001:db8::7/128
    address2=2001:db8::8/128
    route1=::/0,fe80::1
    route1_options=onlink=true
    --- etc/NetworkManager/system-connections/cella-eth0.nmconnection 600
    [connection]
    id=cella-eth0
    type=ethernet
    interface-name=eth0

    [ipv4]
    method=manual
    address1=198.51.100.5/24
    route1=0.0.0.0/0,198.51.100.1

    [ipv6]
    method=auto
    --- etc/NetworkManager/system-connections/cella-eth1.nmconnection 600
    [connection]
    id=cella-eth1
    type=ethernet
    interface-name=eth1

    [ipv4]
    method=auto

    [ipv6]
    method=disabled
    "
  `));
  it('ifcfg', () =>
    expect(shown('ifcfg')).toMatchInlineSnapshot(`
    "--- etc/sysconfig/network-scripts/ifcfg-venet0 644
    DEVICE=venet0
    ONBOOT=yes
    BOOTPROTO=none
    IPADDR0=192.0.2.7
    PREFIX0=32
    IPADDR1=192.0.2.8
    PREFIX1=32
    IPV6INIT=yes
    IPV6_AUTOCONF=no
    IPV6ADDR=2001:db8::7/128
    IPV6ADDR_SECONDARIES="2001:db8::8/128"
    --- etc/sysconfig/network-scripts/route-venet0 644
    169.254.0.1 dev venet0
    default via 169.254.0.1 dev venet0
    --- etc/sysconfig/network-scripts/route6-venet0 644
    fe80::1 dev venet0
    default via fe80::1 dev venet0
    --- etc/sysconfig/network-scripts/ifcfg-eth0 644
    DEVICE=eth0
    ONBOOT=yes
    BOOTPROTO=none
    IPADDR0=198.51.100.5
    PREFIX0=24
    IPV6INIT=yes
    IPV6_AUTOCONF=yes
    --- etc/sysconfig/network-scripts/route-eth0 644
    default via 198.51.100.1 dev eth0
    --- etc/sysconfig/network-scripts/ifcfg-eth1 644
    DEVICE=eth1
    ONBOOT=yes
    BOOTPROTO=dhcp
    IPV6INIT=no
    IPV6_AUTOCONF=no
    "
  `));
  it('wicked', () =>
    expect(shown('wicked')).toMatchInlineSnapshot(`
    "--- etc/sysconfig/network/ifcfg-venet0 644
    STARTMODE='auto'
    BOOTPROTO='static'
    IPADDR_0='192.0.2.7/32'
    IPADDR_1='192.0.2.8/32'
    IPADDR_2='2001:db8::7/128'
    IPADDR_3='2001:db8::8/128'
    --- etc/sysconfig/network/ifroute-venet0 644
    169.254.0.1/32 - - venet0
    default 169.254.0.1 - venet0
    default fe80::1 - venet0
    --- etc/sysconfig/network/ifcfg-eth0 644
    STARTMODE='auto'
    BOOTPROTO='dhcp6+static'
    IPADDR_0='198.51.100.5/24'
    --- etc/sysconfig/network/ifroute-eth0 644
    default 198.51.100.1 - eth0
    --- etc/sysconfig/network/ifcfg-eth1 644
    STARTMODE='auto'
    BOOTPROTO='dhcp4'
    "
  `));
});

describe('chooseManager', () => {
  it.each([
    ['debian', ['etc/network/interfaces'], 'ifupdown'],
    ['debian', ['etc/netplan', 'etc/network/interfaces'], 'netplan'],
    ['debian', [], 'networkd'],
    ['alpine', [], 'ifupdown'],
    ['redhat', ['etc/NetworkManager'], 'keyfile'],
    ['redhat', [], 'ifcfg'],
    ['suse', ['etc/wicked', 'etc/NetworkManager'], 'wicked'],
    ['suse', ['etc/NetworkManager'], 'keyfile'],
    ['arch', [], 'networkd'],
    ['generic', ['etc/network/interfaces'], 'ifupdown'],
  ] as const)('%s with %j: %s', (family, paths: readonly string[], manager) => {
    expect(chooseManager(family, (path) => paths.includes(path))).toBe(manager);
  });
});
