/** The one table of configuration parameters: key, command-line option, type and help. */

/** How a value is checked; `memory` must be at least one page, `swap` may be zero. */
export type ParameterType =
  | 'path'
  | 'path-pattern'
  | 'plain-name'
  | 'hostname'
  | 'name'
  | 'text'
  | 'memory'
  | 'swap'
  | 'items'
  | 'blocks'
  | 'count'
  | 'id'
  | 'seconds'
  | 'yes-no'
  | 'order'
  | 'level'
  | 'layout';

export interface Parameter {
  readonly key: string;
  /** The option that sets it; undefined for what no option sets. */
  readonly option: string | undefined;
  readonly type: ParameterType;
  readonly help: string;
  /** Whether `vzctl set` may change it on an existing container. */
  readonly settable: boolean;
  /** Which file it belongs to: CTID.conf (vz.conf then holds a default) or vz.conf alone. */
  readonly scope: 'container' | 'host';
  /** The option's own unit for memory; the file always counts pages. */
  readonly unit?: 'bytes' | 'pages';
}

type Rest = Pick<Parameter, 'type' | 'help'> & Partial<Pick<Parameter, 'settable' | 'unit'>>;

function container(key: string, option: string | undefined, rest: Rest): Parameter {
  return { key, option, settable: option !== undefined, scope: 'container', ...rest };
}

function host(key: string, type: ParameterType, help: string): Parameter {
  return { key, option: undefined, type, help, settable: false, scope: 'host' };
}

/** Every parameter that exists so far; a key with two options has two rows. */
export const PARAMETERS: readonly Parameter[] = [
  container('VE_ROOT', '--root', {
    type: 'path-pattern',
    help: 'mount point of the root file system',
    settable: false,
  }),
  container('VE_PRIVATE', '--private', {
    type: 'path-pattern',
    help: 'directory that stores the container',
    settable: false,
  }),
  container('OSTEMPLATE', '--ostemplate', {
    type: 'plain-name',
    help: 'template the container is made from',
  }),
  container('ORIGIN_SAMPLE', undefined, { type: 'plain-name', help: 'sample configuration it started from' }),
  container('HOSTNAME', '--hostname', { type: 'hostname', help: 'host name inside the container' }),
  container('NAME', '--name', { type: 'name', help: 'name to use in place of the id' }),
  container('DESCRIPTION', '--description', { type: 'text', help: 'one line of free text' }),
  container('PHYSPAGES', '--ram', { type: 'memory', unit: 'bytes', help: 'memory limit in bytes' }),
  container('PHYSPAGES', '--physpages', { type: 'memory', unit: 'pages', help: 'memory limit in pages' }),
  container('SWAPPAGES', '--swap', {
    type: 'swap',
    unit: 'bytes',
    help: 'swap limit in bytes, besides memory',
  }),
  container('SWAPPAGES', '--swappages', { type: 'swap', unit: 'pages', help: 'swap limit in pages' }),
  container('NUMPROC', '--numproc', { type: 'items', help: 'how many processes and threads there may be' }),
  container('DISKSPACE', '--diskspace', { type: 'blocks', help: 'disk limit, soft:hard, in KiB' }),
  container('DISKINODES', '--diskinodes', { type: 'items', help: 'limit of files, soft:hard' }),
  container('QUOTAUGIDLIMIT', '--quotaugidlimit', {
    type: 'count',
    help: 'quotas of users and groups inside: 0 none, else on',
  }),
  container('LOCAL_UID', '--local_uid', { type: 'id', help: 'host user id of its root', settable: false }),
  container('LOCAL_GID', '--local_gid', { type: 'id', help: 'host group id of its root', settable: false }),
  container('STOP_TIMEOUT', '--stop-timeout', {
    type: 'seconds',
    help: 'seconds to wait on stop, 0 for 120',
  }),
  container('DISABLED', '--disabled', { type: 'yes-no', help: 'refuse to start' }),
  container('ONBOOT', '--onboot', { type: 'yes-no', help: 'start when the host boots' }),
  container('BOOTORDER', '--bootorder', { type: 'order', help: 'the higher, the earlier it starts at boot' }),
  container('VE_LAYOUT', '--layout', { type: 'layout', help: 'how files are stored', settable: false }),
  host('TEMPLATE', 'path', 'directory of the templates'),
  host('LOCKDIR', 'path', 'directory of the lock files'),
  host('DUMPDIR', 'path', 'directory of the saved states'),
  host('LOGFILE', 'path', 'the log file'),
  host('LOGGING', 'yes-no', 'whether to write the log file'),
  host('VE_PARALLEL', 'count', 'how many containers the node service starts or stops at once'),
  host('LOG_LEVEL', 'level', 'how much goes to the log file'),
  host('VERBOSE', 'level', 'how much goes to the terminal'),
  host('CONFIGFILE', 'plain-name', 'sample configuration when none is given'),
  host('DEF_OSTEMPLATE', 'plain-name', 'template when none is given'),
];

const CONTAINER_KEYS: ReadonlySet<string> = new Set(
  PARAMETERS.filter((parameter) => parameter.scope === 'container').map((parameter) => parameter.key),
);
const ALL_KEYS: ReadonlySet<string> = new Set(PARAMETERS.map((parameter) => parameter.key));

/** Whether the key is one CTID.conf may hold and Cella understands. */
export function isContainerKey(key: string): boolean {
  return CONTAINER_KEYS.has(key);
}

/** Whether Cella understands the key at all; vz.conf may hold any of them. */
export function isKnownKey(key: string): boolean {
  return ALL_KEYS.has(key);
}

/** The parameter an option sets, the name given as `stop-timeout`, `stopTimeout` or `--stop-timeout`. */
export function findByOption(name: string): Parameter | undefined {
  const wanted = normalize(name);
  return PARAMETERS.find(({ option }) => option !== undefined && normalize(option) === wanted);
}

function normalize(option: string): string {
  return option
    .replace(/^--/, '')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    .replaceAll('_', '-');
}
