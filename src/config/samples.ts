/** The sample configurations and the default vz.conf that the installation writes. */
import type { Edits } from './edits.js';
import { type ConfigFile, getSettings } from './grammar.js';
import { findByKey, PARAMETERS } from './parameters.js';

export type SampleName =
  | 'vswap-256m'
  | 'vswap-512m'
  | 'vswap-1g'
  | 'vswap-2g'
  | 'vswap-4g'
  | 'basic'
  | 'light';

const MIB_PAGES = 256;

/** What makes a container this one and no other: no sample changes it. */
const OWN: readonly string[] = [
  'HOSTNAME',
  'NAME',
  'IP_ADDRESS',
  'NAT_ADDRESS',
  'PUBLISH',
  'OSTEMPLATE',
  'TEMPLATE',
];

/** What `set --applyconfig` takes from a sample: everything but a container's own. */
export function editsFromSample(sample: ConfigFile): Edits {
  const settings = [...getSettings(sample)].filter(([key]) => !OWN.includes(key) && isOpen(key));
  return new Map(settings.map(([key, { value }]) => [key, value]));
}

/** Whether an option may change it on an existing container, or nobody here knows it. */
function isOpen(key: string): boolean {
  return findByKey(key) === undefined || PARAMETERS.some((at) => at.key === key && at.settable && at.saved);
}

/** The text of /etc/vz/conf/ve-NAME.conf-sample by NAME. */
export const SAMPLES: Readonly<Record<SampleName, string>> = {
  'vswap-256m': vswap(256),
  'vswap-512m': vswap(512),
  'vswap-1g': vswap(1024),
  'vswap-2g': vswap(2048),
  'vswap-4g': vswap(4096),
  basic: beancounters({ processes: 240, privvmpages: '65536:69632', diskspace: '2G:2.2G', cpuunits: 1000 }),
  light: beancounters({ processes: 40, privvmpages: undefined, diskspace: '1G:1.1G', cpuunits: 250 }),
};

/** The default /etc/vz/vz.conf. */
export const HOST_CONFIG_TEXT = `# Settings of this host, and defaults for its containers.
# One KEY="value" a line. Any key of a container's own file may stand here as a default.

# Where things are kept.
TEMPLATE="/var/lib/vz/template"
LOCKDIR="/run/vz/lock"
DUMPDIR="/var/lib/vz/dump"

# The log: whether to write it, where, and how much (0 is normal).
LOGGING="yes"
LOGFILE="/var/log/vzctl.log"
LOG_LEVEL="0"
VERBOSE="0"

# What "create" uses when it is not told otherwise.
CONFIGFILE="vswap-256m"
DEF_OSTEMPLATE="busybox"

# Defaults for every container. $VEID stands for the container's id.
VE_ROOT="/var/lib/vz/root/$VEID"
VE_PRIVATE="/var/lib/vz/private/$VEID"
VE_LAYOUT="overlay"

# Seconds to wait for a container to stop by itself; 0 means 120.
STOP_TIMEOUT="0"

# What becomes of a start for which the memory limits of running containers leave no room: refuse, warn or off; and
# the percentage of memory that these limits may add up to.
#ADMISSION="off"
#OVERCOMMIT_MEMORY="100"

# Minutes after which memory is taken back from a container that does nothing; 0 for never.
#RECLAIM_IDLE="0"
`;

interface Beancounters {
  readonly processes: number;
  readonly privvmpages: string | undefined;
  readonly diskspace: string;
  readonly cpuunits: number;
}

function vswap(mib: number): string {
  return `# ${mib} MiB of memory and twice as much swap.
PHYSPAGES="0:${mib * MIB_PAGES}"
SWAPPAGES="0:${2 * mib * MIB_PAGES}"

# Stored as vzctl stores them.
DISKSPACE="2G:2.2G"
DISKINODES="131072:144179"
QUOTATIME="0"
CPUUNITS="1000"
NETFILTER="stateless"
`;
}

function beancounters({ processes, privvmpages, diskspace, cpuunits }: Beancounters): string {
  const allocation = privvmpages === undefined ? '' : `PRIVVMPAGES="${privvmpages}"\n`;
  return `# At most ${processes} processes; memory is not limited.
NUMPROC="${processes}:${processes}"

# Stored as vzctl stores them.
${allocation}DISKSPACE="${diskspace}"
DISKINODES="131072:144179"
QUOTATIME="0"
CPUUNITS="${cpuunits}"
NETFILTER="stateless"
`;
}
