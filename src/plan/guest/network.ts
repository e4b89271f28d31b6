/** A guest's network as the files of what brings it up: addresses and routes in, text out. */
import { familyOf } from '../../config/address.js';
import { withBlock } from './block.js';
import type { Family } from './family.js';
import type { FileEdit, ReadFile } from './files.js';

export interface GuestInterface {
  readonly name: string;
  /** With prefix lengths. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** The gateways are reached through the link alone, being in none of the addresses' networks: so it is of venet. */
  readonly onLink: boolean;
  readonly dhcp4: boolean;
  /** Router advertisements and DHCPv6. */
  readonly dhcp6: boolean;
}

export const MANAGERS = ['ifupdown', 'networkd', 'netplan', 'keyfile', 'ifcfg', 'wicked'] as const;
export type NetworkManager = (typeof MANAGERS)[number];

/** What brings a guest's network up; `has`: whether there is anything at a path of its. Undefined: nobody knows. */
export function chooseManager(family: Family, has: (path: string) => boolean): NetworkManager | undefined {
  if (has('etc/netplan')) return 'netplan';
  switch (family) {
    case 'debian':
      return has('etc/network/interfaces') ? 'ifupdown' : 'networkd';
    case 'alpine':
      return 'ifupdown';
    case 'redhat':
      return has('etc/NetworkManager') ? 'keyfile' : 'ifcfg';
    case 'suse':
      return has('etc/NetworkManager') && !has('etc/wicked') ? 'keyfile' : 'wicked';
    case 'arch':
      return has('etc/network/interfaces') ? 'ifupdown' : 'networkd';
    case 'generic':
      if (has('etc/network/interfaces')) return 'ifupdown';
      return has('etc/systemd/network') ? 'networkd' : undefined;
  }
}

/** `read`: what the guest has, for the files that hold more than ours. */
export function networkFiles(
  manager: NetworkManager,
  interfaces: readonly GuestInterface[],
  read: ReadFile,
): readonly FileEdit[] {
  switch (manager) {
    case 'ifupdown': {
      const text = read('etc/network/interfaces') ?? 'auto lo\niface lo inet loopback\n';
      return [plain('etc/network/interfaces', withBlock(text, interfaces.flatMap(ifupdown)))];
    }
    case 'networkd':
      return interfaces.map((at) => plain(`etc/systemd/network/10-cella-${at.name}.network`, networkd(at)));
    case 'netplan':
      return [{ path: 'etc/netplan/90-cella.yaml', text: netplan(interfaces), mode: 0o600 }];
    case 'keyfile':
      return interfaces.map((at) => ({
        path: `etc/NetworkManager/system-connections/cella-${at.name}.nmconnection`,
        text: keyfile(at),
        mode: 0o600,
      }));
    case 'ifcfg':
      return interfaces.flatMap(ifcfg);
    case 'wicked':
      return interfaces.flatMap(wicked);
  }
}

/** What a running guest does for an interface of which its files say anew that it asks for its addresses. */
export function askCommands(manager: NetworkManager, name: string): readonly (readonly string[])[] {
  switch (manager) {
    case 'networkd':
      return [
        ['systemctl', 'start', 'systemd-networkd.service'],
        ['networkctl', 'reload'],
      ];
    case 'netplan':
      return [['netplan', 'apply']];
    case 'keyfile':
      return [
        ['nmcli', 'connection', 'reload'],
        ['nmcli', 'connection', 'up', `cella-${name}`],
      ];
    case 'wicked':
      return [['wicked', 'ifup', name]];
    case 'ifupdown':
    case 'ifcfg':
      return [['ifup', name]];
  }
}

const plain = (path: string, text: string): FileEdit => ({ path, text, mode: 0o644 });
const isV6 = (address: string): boolean => familyOf(address) === 6;
const isV4 = (address: string): boolean => !isV6(address);
const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

/** By ip(8) alone: what else their fields mean differs between Debian's, Alpine's and busybox's. */
function ifupdown({ name, addresses, gateways, onLink, dhcp4, dhcp6 }: GuestInterface): readonly string[] {
  const ip = (address: string): string => (isV6(address) ? 'ip -6' : 'ip');
  const link = onLink ? gateways.filter(isV4).map((via) => `    up ip route add ${via} dev ${name}`) : [];
  return [
    `auto ${name}`,
    `iface ${name} inet ${dhcp4 ? 'dhcp' : 'manual'}`,
    `    up ip link set ${name} up`,
    ...addresses.map((address) => `    up ${ip(address)} addr add ${address} dev ${name}`),
    ...link,
    ...gateways.map((via) => `    up ${ip(via)} route add default via ${via} dev ${name}`),
    `    down ip addr flush dev ${name}`,
    ...(dhcp6 ? [`iface ${name} inet6 auto`] : []),
  ];
}

function networkd({ name, addresses, gateways, onLink, dhcp4, dhcp6 }: GuestInterface): string {
  const dhcp = dhcp4 && dhcp6 ? 'yes' : dhcp4 ? 'ipv4' : dhcp6 ? 'ipv6' : 'no';
  return lines(
    '[Match]',
    `Name=${name}`,
    '',
    '[Network]',
    `DHCP=${dhcp}`,
    `IPv6AcceptRA=${dhcp6 ? 'yes' : 'no'}`,
    ...addresses.map((address) => `Address=${address}`),
    ...gateways.flatMap((via) => ['', '[Route]', `Gateway=${via}`, ...(onLink ? ['GatewayOnLink=yes'] : [])]),
  );
}

function netplan(interfaces: readonly GuestInterface[]): string {
  const of = ({ name, addresses, gateways, onLink, dhcp4, dhcp6 }: GuestInterface): readonly string[] => [
    `    ${name}:`,
    `      dhcp4: ${dhcp4}`,
    `      dhcp6: ${dhcp6}`,
    `      accept-ra: ${dhcp6}`,
    ...(addresses.length === 0 ? [] : ['      addresses:']),
    ...addresses.map((address) => `        - "${address}"`),
    ...(gateways.length === 0 ? [] : ['      routes:']),
    ...gateways.flatMap((via) => [
      `        - to: "${isV6(via) ? '::/0' : '0.0.0.0/0'}"`,
      `          via: "${via}"`,
      ...(onLink ? ['          on-link: true'] : []),
    ]),
  ];
  const ethernets = interfaces.length === 0 ? '  ethernets: {}' : '  ethernets:';
  return lines('network:', '  version: 2', ethernets, ...interfaces.flatMap(of));
}

function keyfile({ name, addresses, gateways, onLink, dhcp4, dhcp6 }: GuestInterface): string {
  const half = (kind: typeof isV4, auto: boolean, everything: string): readonly string[] => {
    const own = addresses.filter(kind);
    return [
      `method=${own.length > 0 && !auto ? 'manual' : auto ? 'auto' : 'disabled'}`,
      ...own.map((address, i) => `address${i + 1}=${address}`),
      ...gateways
        .filter(kind)
        .flatMap((via, i) => [
          `route${i + 1}=${everything},${via}`,
          ...(onLink ? [`route${i + 1}_options=onlink=true`] : []),
        ]),
    ];
  };
  return lines(
    '[connection]',
    `id=cella-${name}`,
    'type=ethernet',
    `interface-name=${name}`,
    '',
    '[ipv4]',
    ...half(isV4, dhcp4, '0.0.0.0/0'),
    '',
    '[ipv6]',
    ...half(isV6, dhcp6, '::/0'),
  );
}

function ifcfg({ name, addresses, gateways, onLink, dhcp4, dhcp6 }: GuestInterface): readonly FileEdit[] {
  const directory = 'etc/sysconfig/network-scripts';
  const [first6, ...more6] = addresses.filter(isV6);
  const routes = (kind: typeof isV4): readonly string[] =>
    gateways
      .filter(kind)
      .flatMap((via) => [...(onLink ? [`${via} dev ${name}`] : []), `default via ${via} dev ${name}`]);
  const files = [
    plain(
      `${directory}/ifcfg-${name}`,
      lines(
        `DEVICE=${name}`,
        'ONBOOT=yes',
        `BOOTPROTO=${dhcp4 ? 'dhcp' : 'none'}`,
        ...addresses.filter(isV4).flatMap((address, i) => {
          const [ip, prefix] = address.split('/');
          return [`IPADDR${i}=${ip}`, `PREFIX${i}=${prefix}`];
        }),
        `IPV6INIT=${first6 !== undefined || dhcp6 ? 'yes' : 'no'}`,
        `IPV6_AUTOCONF=${dhcp6 ? 'yes' : 'no'}`,
        ...(first6 === undefined ? [] : [`IPV6ADDR=${first6}`]),
        ...(more6.length === 0 ? [] : [`IPV6ADDR_SECONDARIES="${more6.join(' ')}"`]),
      ),
    ),
  ];
  for (const [file, kind] of [
    ['route', isV4],
    ['route6', isV6],
  ] as const)
    if (routes(kind).length > 0) files.push(plain(`${directory}/${file}-${name}`, lines(...routes(kind))));
  return files;
}

function wicked({ name, addresses, gateways, onLink, dhcp4, dhcp6 }: GuestInterface): readonly FileEdit[] {
  const protocols = [...(dhcp4 ? ['dhcp4'] : []), ...(dhcp6 ? ['dhcp6'] : [])];
  const own = addresses.length > 0 || protocols.length === 0 ? ['static'] : [];
  const routes = gateways.flatMap((via) => [
    ...(onLink && isV4(via) ? [`${via}/32 - - ${name}`] : []),
    `default ${via} - ${name}`,
  ]);
  return [
    plain(
      `etc/sysconfig/network/ifcfg-${name}`,
      lines(
        "STARTMODE='auto'",
        `BOOTPROTO='${[...protocols, ...own].join('+')}'`,
        ...addresses.map((address, i) => `IPADDR_${i}='${address}'`),
      ),
    ),
    ...(routes.length === 0 ? [] : [plain(`etc/sysconfig/network/ifroute-${name}`, lines(...routes))]),
  ];
}
