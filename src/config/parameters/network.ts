/** The network: addresses, published ports, interfaces, packet filter, name servers, rates. */

import { ADDRESSES, PRIVATE_ADDRESSES } from '../addresses.js';
import { NETDEV } from '../devices.js';
import { FIREWALL, POLICY } from '../firewall.js';
import { type InterfaceField, NETIF } from '../interfaces.js';
import { PUBLISH } from '../ports.js';
import { RATE } from '../rates.js';
import { NAMESERVER, SEARCHDOMAIN } from '../resolver.js';
import { NETFILTER } from '../switches.js';
import { TEXT, YES_NO } from '../value-type.js';
import { container, type Parameter, stored } from './parameter.js';

/** Of the interface that --ifname names, as --ipadd and --ipdel are where it is given. */
const FIELDS: readonly (readonly [
  option: string,
  field: InterfaceField,
  placeholder: string,
  help: string,
])[] = [
  ['--ifname', 'ifname', 'NAME', 'the interface that the options below, --ipadd and --ipdel are about'],
  ['--mac', 'mac', 'MAC', 'its hardware address'],
  ['--host_ifname', 'host_ifname', 'NAME', "its other end's name on the host"],
  ['--host_mac', 'host_mac', 'MAC', "its other end's hardware address"],
  [
    '--bridge',
    'bridge',
    'NAME',
    'bridge of the host that it belongs to; of macvlan, the interface that it is on',
  ],
  ['--type', 'type', 'bridged|routed|macvlan', 'what it is: of a pair, on a bridge or on none, or a macvlan'],
  ['--mac_filter', 'mac_filter', 'on|off', 'on: only its own hardware address may be used; default: on'],
  [
    '--ip_filter',
    'ip_filter',
    'on|off',
    'on: only its addresses may be used; default: on if they are all fixed',
  ],
  [
    '--isolated',
    'isolated',
    'yes|no',
    'whether other isolated interfaces of its bridge are out of its reach',
  ],
  ['--vlan', 'vlan', 'NUM|none', 'VLAN of the bridge that it belongs to'],
  ['--trunks', 'trunks', 'NUM[-NUM][,…]|none', 'VLANs that it may use tagged'],
  ['--gw', 'gw', 'ADDRESS|none', 'gateway'],
  ['--gw6', 'gw6', 'ADDRESS|none', 'gateway of IPv6'],
  ['--dhcp', 'dhcp', 'yes|no', 'whether it is configured by DHCP'],
  ['--dhcp6', 'dhcp6', 'yes|no', 'whether it is configured by DHCP of IPv6'],
  ['--network', 'network', 'NAME', 'network that it belongs to: kept for other tools'],
  ['--configure', 'configure', 'all|none', 'none: its addresses are left to the container'],
];

const ADDRESSING: readonly Parameter[] = [
  container(['IP_ADDRESS', '--ipadd'], ADDRESSES, 'address to have', { live: true }),
  container(['IP_ADDRESS', '--ip'], ADDRESSES, 'as --ipadd', { live: true, hidden: true }),
  container(['IP_ADDRESS', '--ipdel'], ADDRESSES, 'address not to have any more', {
    placeholder: 'ADDRESS|all',
    live: true,
    edit: 'remove',
  }),
  container(['NAT', '--nat'], YES_NO, 'addresses that this host alone knows, translated on their way out', {
    live: true,
    default: 'yes, if ports are published and there are no others',
  }),
  container(['NAT_ADDRESS'], PRIVATE_ADDRESSES, 'the addresses that --nat gave it'),
  container(['NAT_NAMES', '--nat_names'], YES_NO, 'names of the others that have --nat in its /etc/hosts', {
    live: true,
    default: 'no',
  }),
  container(['PUBLISH', '--publish'], PUBLISH, 'ports of the host that lead to its own', { live: true }),
  container(['PUBLISH', '--unpublish'], PUBLISH, 'ports of the host that do so no more', {
    placeholder: '[ADDRESS:]PORT[-PORT][/tcp|udp]|all',
    live: true,
    edit: 'remove',
  }),
  container(['NAMESERVER', '--nameserver'], NAMESERVER, "name server; inherit: the host's", { live: true }),
  container(['SEARCHDOMAIN', '--searchdomain'], SEARCHDOMAIN, "search domain; inherit: the host's", {
    live: true,
  }),
];

const INTERFACES: readonly Parameter[] = [
  container(['NETIF', '--netif_add'], NETIF, 'network interface to have', { live: true }),
  container(['NETIF', '--netif_del'], NETIF, 'network interface not to have any more', {
    placeholder: 'NAME|all',
    live: true,
    edit: 'remove',
  }),
  ...FIELDS.map(([option, field, placeholder, help]) =>
    container(['NETIF', option], NETIF, help, { field, placeholder, live: true }),
  ),
  container(['NETDEV', '--netdev_add'], NETDEV, 'network device of the host to hand over', { live: true }),
  container(['NETDEV', '--netdev_del'], NETDEV, 'network device to give back', {
    placeholder: 'NAME|all',
    live: true,
    edit: 'remove',
  }),
];

const TRAFFIC: readonly Parameter[] = [
  container(
    ['FIREWALL', '--fw_add'],
    FIREWALL,
    'rule on what may reach it or leave it; the first that fits counts',
    {
      live: true,
    },
  ),
  container(['FIREWALL', '--fw_del'], FIREWALL, 'rule to take away', {
    placeholder: 'RULE|all',
    live: true,
    edit: 'remove',
  }),
  container(['FIREWALL_IN', '--fw_in'], POLICY, 'what happens to what no rule lets reach it', {
    live: true,
    default: 'accept',
  }),
  container(['FIREWALL_OUT', '--fw_out'], POLICY, 'what happens to what no rule lets leave it', {
    live: true,
    default: 'accept',
  }),
  container(
    ['NETFILTER', '--netfilter'],
    NETFILTER,
    'disabled: it may change nothing of its network itself',
    {
      default: 'stateless, which like the others is full here',
    },
  ),
  stored(['IPTABLES', '--iptables'], TEXT, 'modules of its packet filter: see --netfilter'),
  container(
    ['RATE', '--rate'],
    RATE,
    'how fast it may receive and send, 0 for no limit; OpenVZ’s form: send',
    {
      unit: 'kbit/s',
      live: true,
    },
  ),
  container(['RATEBOUND', '--ratebound'], YES_NO, 'no: a rate of OpenVZ’s form is no limit', {
    live: true,
    default: 'yes',
  }),
  container(['TRAFFIC_SHAPING'], YES_NO, 'whether --rate counts', { default: 'yes' }),
];

export const NETWORK: readonly Parameter[] = [...ADDRESSING, ...INTERFACES, ...TRAFFIC];
