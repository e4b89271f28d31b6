/** What stands in vz.conf alone. */
import { NEIGHBOUR_DEVS, PRIVATE_NETWORK } from '../host-network.js';
import { ADMISSION, OVERCOMMIT } from '../numbers.js';
import { COUNT, LEVEL, PARALLEL, PATH, PLAIN_NAME, TEXT, YES_NO } from '../value-type.js';
import { host, type Parameter } from './parameter.js';

/** Of OpenVZ, without a meaning here. */
const FOREIGN = [
  'VIRTUOZZO',
  'VE_STOP_MODE',
  'VZFASTBOOT',
  'MODULES_DISABLED',
  'IPTABLES_MODULES',
  'IP6TABLES',
  'VE_ROUTE_SRC_DEV',
  'FORCE_ROUTE',
  'VZWDOG',
  'TOTALRATE',
  'RATEMPU',
  'BANDWIDTH',
];

export const HOST: readonly Parameter[] = [
  host('TEMPLATE', PATH, 'directory of the templates', { default: '/var/lib/vz/template' }),
  host('LOCKDIR', PATH, 'directory of the lock files', { default: '/run/vz/lock' }),
  host('DUMPDIR', PATH, 'directory of backups and saved states', { default: '/var/lib/vz/dump' }),
  host('LOGFILE', PATH, 'the log file', { default: '/var/log/vzctl.log' }),
  host('LOGGING', YES_NO, 'whether to write the log file', { default: 'yes' }),
  host('VE_PARALLEL', PARALLEL, 'how many containers the node service starts or stops at once', {
    default: '4',
  }),
  host(
    'RECLAIM_IDLE',
    COUNT,
    'minutes after which the node service takes memory from a container that does nothing, a tenth each time; 0 for never (cgroup v2)',
    { default: '0' },
  ),
  host('LOG_LEVEL', LEVEL, 'how much goes to the log file', { default: '0' }),
  host('VERBOSE', LEVEL, 'how much goes to the terminal', { default: '0' }),
  host('CONFIGFILE', PLAIN_NAME, 'sample configuration when none is given', { default: 'vswap-256m' }),
  host('DEF_OSTEMPLATE', PLAIN_NAME, 'template when none is given', { default: 'busybox' }),
  host('LXCFS', PATH, 'directory at which lxcfs is mounted', { default: '/var/lib/lxcfs' }),
  host(
    'NEIGHBOUR_DEVS',
    NEIGHBOUR_DEVS,
    "interfaces on which the host answers for its containers' addresses",
    {
      default: 'detect: those in whose networks they are',
    },
  ),
  host('SKIP_ARPDETECT', YES_NO, 'start without asking whether somebody else has an address', {
    default: 'no',
  }),
  host('ERROR_ON_ARPFAIL', YES_NO, 'refuse to start where somebody else has an address', { default: 'yes' }),
  host('PRIVATE_NETWORK', PRIVATE_NETWORK, 'networks, one of each family, of which --nat gives addresses', {
    default: 'free ones are chosen',
  }),
  host('IPV6', YES_NO, 'whether --nat gives addresses of IPv6 too', { default: 'yes' }),
  host(
    'ADMISSION',
    ADMISSION,
    'what becomes of the start of a container for which OVERCOMMIT_MEMORY leaves no room, or whose guarantee (VMGUARPAGES, OOMGUARPAGES) the host could not keep: refuse (status 36, unless with --force), warn, or off. A reboot and a restart are no such start; more memory for a container that runs is',
    { default: 'off' },
  ),
  host(
    'OVERCOMMIT_MEMORY',
    OVERCOMMIT,
    "percent of the host's memory that the memory limits (PHYSPAGES) of running containers may add up to; one without a limit counts as all of it",
    { default: '100' },
  ),
  host(
    'SKIP_SYSCTL_SETUP',
    YES_NO,
    'whether "cella setup" leaves those limits of the kernel alone that all containers share, as of inotify(7)',
    { default: 'no' },
  ),
  ...FOREIGN.map((key) => host(key, TEXT, 'kept for other tools', { effect: 'stored' })),
];
