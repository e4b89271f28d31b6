/** The network: addresses, interfaces, name servers, rates. */

import { NETDEV } from '../devices.js';
import { type InterfaceField, NETIF } from '../interfaces.js';
import { ADDRESSES, RATE } from '../rates.js';
import { NAMESERVER, SEARCHDOMAIN } from '../resolver.js';
import { TEXT, words, YES_NO } from '../value-type.js';
import { type Parameter, stored } from './parameter.js';

/** Of the interface that --ifname names; addresses by themselves are the container's own. */
const FIELDS: readonly (readonly [
  option: string,
  field: InterfaceField,
  placeholder: string,
  help: string,
])[] = [
  ['--ifname', 'ifname', 'NAME', 'the interface that the options below are about'],
  ['--mac', 'mac', 'MAC', 'its hardware address'],
  ['--host_ifname', 'host_ifname', 'NAME', "its other end's name on the host"],
  ['--host_mac', 'host_mac', 'MAC', "its other end's hardware address"],
  ['--bridge', 'bridge', 'NAME', 'bridge of the host that it belongs to'],
  ['--mac_filter', 'mac_filter', 'on|off', 'on: only its own hardware address may be used'],
  ['--gw', 'gw', 'ADDRESS', 'gateway'],
  ['--gw6', 'gw6', 'ADDRESS', 'gateway of IPv6'],
  ['--dhcp', 'dhcp', 'yes|no', 'whether it is configured by DHCP'],
  ['--dhcp6', 'dhcp6', 'yes|no', 'whether it is configured by DHCP of IPv6'],
  ['--network', 'network', 'NAME', 'network that it belongs to'],
  ['--configure', 'configure', 'all|none', 'whether the container configures it'],
];

export const NETWORK: readonly Parameter[] = [
  stored(['IP_ADDRESS', '--ipadd'], ADDRESSES, 'address to have', { live: true }),
  stored(['IP_ADDRESS', '--ip'], ADDRESSES, 'as --ipadd', { hidden: true }),
  stored(['IP_ADDRESS', '--ipdel'], ADDRESSES, 'address not to have any more', {
    placeholder: 'ADDRESS|all',
    edit: 'remove',
  }),
  stored(['NAMESERVER', '--nameserver'], NAMESERVER, "name server; inherit: the host's"),
  stored(['SEARCHDOMAIN', '--searchdomain'], SEARCHDOMAIN, "search domain; inherit: the host's"),
  stored(['NETIF', '--netif_add'], NETIF, 'network interface to have'),
  stored(['NETIF', '--netif_del'], NETIF, 'network interface not to have any more', {
    placeholder: 'NAME|all',
    edit: 'remove',
  }),
  ...FIELDS.map(([option, field, placeholder, help]) =>
    stored(['NETIF', option], NETIF, help, { field, placeholder }),
  ),
  stored(['NETDEV', '--netdev_add'], NETDEV, 'network device of the host to hand over'),
  stored(['NETDEV', '--netdev_del'], NETDEV, 'network device to give back', {
    placeholder: 'NAME|all',
    edit: 'remove',
  }),
  stored(
    ['NETFILTER', '--netfilter'],
    words('disabled', 'stateless', 'stateful', 'full'),
    'what its packet filter may do',
    { default: 'stateless' },
  ),
  stored(['IPTABLES', '--iptables'], TEXT, 'modules of its packet filter: see --netfilter'),
  stored(['RATE', '--rate'], RATE, 'rate of sending', { unit: 'kbit/s' }),
  stored(['RATEBOUND', '--ratebound'], YES_NO, 'whether it may send no faster even while others do not'),
  stored(['TRAFFIC_SHAPING'], YES_NO, 'kept for other tools'),
];
