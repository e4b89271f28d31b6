/** The typed configurations: a container's from vz.conf and CTID.conf, and the host's from vz.conf. */

import type { Ctid } from './ctid.js';
import type { ConfigFile } from './grammar.js';
import { type Layout, parseLayout } from './layout.js';
import { isContainerKey, isKnownKey } from './parameters.js';
import { SettingReader } from './setting-reader.js';
import { BLOCK_SIZE, type Limit, pagesToBytes, parseLimit, UNLIMITED } from './units.js';
import * as values from './values.js';

export interface ContainerConfig {
  readonly ctid: Ctid;
  readonly root: string;
  readonly privateArea: string;
  readonly template: string | undefined;
  readonly sample: string | undefined;
  readonly hostname: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** Bytes; undefined means unlimited. */
  readonly ram: bigint | undefined;
  /** Bytes besides ram; undefined means unlimited. */
  readonly swap: bigint | undefined;
  /** Processes and threads; undefined means unlimited. */
  readonly numproc: bigint | undefined;
  readonly localUid: number | undefined;
  readonly localGid: number | undefined;
  /** Seconds. */
  readonly stopTimeout: number;
  readonly disabled: boolean;
  /** Undefined means: start at boot if it ran at the last shutdown. */
  readonly onboot: boolean | undefined;
  readonly bootorder: number | undefined;
  readonly layout: Layout;
  readonly disk: DiskLimits;
}

/** Undefined means unlimited; bytes and counts of files. */
export interface DiskLimits {
  readonly space: { readonly soft: bigint; readonly hard: bigint } | undefined;
  readonly inodes: { readonly soft: bigint; readonly hard: bigint } | undefined;
  /** Whether users and groups inside have quotas of their own (QUOTAUGIDLIMIT). */
  readonly userQuotas: boolean;
}

export interface HostConfig {
  /** Directory of the templates. */
  readonly template: string;
  readonly lockDir: string;
  readonly dumpDir: string;
  readonly logFile: string;
  readonly logging: boolean;
  /** How many containers the node service starts or stops at once. */
  readonly parallel: number;
  readonly defaultTemplate: string;
  readonly defaultSample: string;
  /** Path pattern with `$VEID`. */
  readonly root: string;
  /** Path pattern with `$VEID`. */
  readonly private: string;
}

/** What to call the two files in complaints. */
export interface ConfigNames {
  readonly host: string;
  readonly container: string;
}

export const DEFAULT_STOP_TIMEOUT = 120;
export const DEFAULT_PARALLEL = 4;
export const DEFAULT_LAYOUT: Layout = { tree: 'overlay', store: 'auto' };
const DEFAULT_ROOT = '/var/lib/vz/root/$VEID';
const DEFAULT_PRIVATE = '/var/lib/vz/private/$VEID';

/** Merges vz.conf's defaults with CTID.conf; throws one INVALID_CONFIG that lists every complaint. */
export function readContainerConfig(
  ctid: Ctid,
  hostFile: ConfigFile,
  ctFile: ConfigFile,
  names: ConfigNames,
): ContainerConfig {
  const own = { file: ctFile, name: names.container, isScalar: isContainerKey };
  const defaults = { file: hostFile, name: names.host, isScalar: isKnownKey };
  const reader = new SettingReader([own, defaults]);
  const config: ContainerConfig = {
    ctid,
    ...readPlaces(reader, ctid),
    ...readIdentity(reader),
    ...readLimits(reader),
    disk: readDisk(reader),
    stopTimeout: reader.read('STOP_TIMEOUT', values.parseSeconds) || DEFAULT_STOP_TIMEOUT,
    disabled: reader.read('DISABLED', values.parseYesNo) ?? false,
    onboot: reader.read('ONBOOT', values.parseYesNo),
    bootorder: reader.read('BOOTORDER', values.parseOrder),
  };
  reader.finish();
  return config;
}

/** The host's settings with their defaults; throws one INVALID_CONFIG that lists every complaint. */
export function readHostConfig(file: ConfigFile, name: string): HostConfig {
  const reader = new SettingReader([{ file, name, isScalar: isKnownKey }]);
  const path = (key: string, fallback: string): string =>
    reader.read(key, (text) => values.parsePath(text)) ?? fallback;
  const config: HostConfig = {
    template: path('TEMPLATE', '/var/lib/vz/template'),
    lockDir: path('LOCKDIR', '/run/vz/lock'),
    dumpDir: path('DUMPDIR', '/var/lib/vz/dump'),
    logFile: path('LOGFILE', '/var/log/vzctl.log'),
    logging: reader.read('LOGGING', values.parseYesNo) ?? true,
    parallel: reader.read('VE_PARALLEL', values.parseParallel) ?? DEFAULT_PARALLEL,
    defaultTemplate: reader.read('DEF_OSTEMPLATE', values.parsePlainName) ?? 'busybox',
    defaultSample: reader.read('CONFIGFILE', values.parsePlainName) ?? 'vswap-256m',
    root: reader.read('VE_ROOT', values.parsePathPattern) ?? DEFAULT_ROOT,
    private: reader.read('VE_PRIVATE', values.parsePathPattern) ?? DEFAULT_PRIVATE,
  };
  reader.read('LOG_LEVEL', values.parseLevel);
  reader.read('VERBOSE', values.parseLevel);
  reader.read('STOP_TIMEOUT', values.parseSeconds);
  reader.read('VE_LAYOUT', parseLayout);
  reader.finish();
  return config;
}

function readPlaces(
  reader: SettingReader,
  ctid: Ctid,
): Pick<ContainerConfig, 'root' | 'privateArea' | 'layout'> {
  const place = (key: string, fallback: string): string =>
    values.parsePath(
      reader.read(key, (text) => values.parsePath(text, String(ctid))) ?? fallback,
      String(ctid),
    );
  const root = place('VE_ROOT', DEFAULT_ROOT);
  const privateArea = place('VE_PRIVATE', DEFAULT_PRIVATE);
  if (root === privateArea)
    reader.complain('VE_PRIVATE', `the same path as VE_ROOT: ${JSON.stringify(root)}`);
  return { root, privateArea, layout: reader.read('VE_LAYOUT', parseLayout) ?? DEFAULT_LAYOUT };
}

function readIdentity(reader: SettingReader) {
  return {
    template: reader.read('OSTEMPLATE', values.parsePlainName),
    sample: reader.read('ORIGIN_SAMPLE', values.parsePlainName),
    hostname: reader.read('HOSTNAME', values.parseHostname),
    name: reader.read('NAME', values.parseName),
    description: reader.read('DESCRIPTION', values.parseText),
    localUid: reader.read('LOCAL_UID', values.parseId),
    localGid: reader.read('LOCAL_GID', values.parseId),
  };
}

function readLimits(reader: SettingReader): Pick<ContainerConfig, 'ram' | 'swap' | 'numproc'> {
  const ram = reader.read('PHYSPAGES', (text) => values.parsePositiveLimit(text, 'pages').limit);
  const swap = reader.read('SWAPPAGES', (text) => parseLimit(text, 'pages').limit);
  const numproc = reader.read('NUMPROC', (text) => values.parsePositiveLimit(text, 'items').limit);
  return {
    ram: ram === undefined ? undefined : pagesToBytes(ram),
    swap: swap === undefined ? undefined : pagesToBytes(swap),
    numproc: numproc === UNLIMITED ? undefined : numproc,
  };
}

function readDisk(reader: SettingReader): DiskLimits {
  const space = reader.read('DISKSPACE', (text) => values.parsePositiveLimit(text, 'blocks'));
  const inodes = reader.read('DISKINODES', (text) => values.parsePositiveLimit(text, 'items'));
  return {
    space: softAndHard(space, BLOCK_SIZE),
    inodes: softAndHard(inodes, 1n),
    userQuotas: (reader.read('QUOTAUGIDLIMIT', values.parseCount) ?? 0) > 0,
  };
}

/** Undefined where there is no hard limit below what 64 bits hold. */
function softAndHard(limit: Limit | undefined, unit: bigint): DiskLimits['space'] {
  if (limit === undefined || limit.limit >= UNLIMITED / unit) return undefined;
  const hard = limit.limit * unit;
  const soft = limit.barrier * unit;
  if (soft > hard) return { soft: hard, hard };
  return { soft, hard };
}
