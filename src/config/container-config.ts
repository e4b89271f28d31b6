/** A container's typed configuration, from vz.conf and CTID.conf. */

import type { Ctid } from './ctid.js';
import { type Equipment, readEquipment } from './equipment.js';
import type { ConfigFile } from './grammar.js';
import { type Layout, parseLayout } from './layout.js';
import { type NetworkConfig, readNetwork } from './network-config.js';
import { AUTOSTOP, ONBOOT } from './parameters/identity.js';
import { isContainerScalar, isScalar } from './parameters.js';
import { type Resources, readResources } from './resources.js';
import { SettingReader } from './setting-reader.js';
import { BLOCK_SIZE, type Limit, UNLIMITED } from './units.js';
import * as values from './values.js';

export interface ContainerConfig extends Resources, Equipment {
  readonly ctid: Ctid;
  readonly root: string;
  readonly privateArea: string;
  readonly template: string | undefined;
  readonly sample: string | undefined;
  readonly hostname: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly localUid: number | undefined;
  readonly localGid: number | undefined;
  /** Seconds. */
  readonly stopTimeout: number;
  readonly disabled: boolean;
  /** Undefined means: start at boot if it ran at the last shutdown. */
  readonly onboot: boolean | undefined;
  readonly bootorder: number | undefined;
  /** What to do with it when the host shuts down. */
  readonly autostop: 'stop' | 'suspend';
  readonly layout: Layout;
  readonly disk: DiskLimits;
  readonly network: NetworkConfig;
}

/** Undefined means unlimited; bytes and counts of files. */
export interface DiskLimits {
  readonly space: { readonly soft: bigint; readonly hard: bigint } | undefined;
  readonly inodes: { readonly soft: bigint; readonly hard: bigint } | undefined;
  /** Whether users and groups inside have quotas of their own (QUOTAUGIDLIMIT). */
  readonly userQuotas: boolean;
}

/** What to call the two files in complaints. */
export interface ConfigNames {
  readonly host: string;
  readonly container: string;
}

export const DEFAULT_STOP_TIMEOUT = 120;
export const DEFAULT_LAYOUT: Layout = { tree: 'overlay', store: 'auto' };
export const DEFAULT_ROOT = '/var/lib/vz/root/$VEID';
export const DEFAULT_PRIVATE = '/var/lib/vz/private/$VEID';

/** Merges vz.conf's defaults with CTID.conf; throws one INVALID_CONFIG that lists every complaint. */
export function readContainerConfig(
  ctid: Ctid,
  hostFile: ConfigFile,
  ctFile: ConfigFile,
  names: ConfigNames,
): ContainerConfig {
  const own = { file: ctFile, name: names.container, isScalar: isContainerScalar };
  const defaults = { file: hostFile, name: names.host, isScalar };
  const reader = new SettingReader([own, defaults]);
  const config: ContainerConfig = {
    ctid,
    ...readPlaces(reader, ctid),
    ...readIdentity(reader),
    ...readResources(reader),
    ...readEquipment(reader),
    disk: readDisk(reader),
    network: readNetwork(reader),
    stopTimeout: reader.read('STOP_TIMEOUT', values.parseSeconds) || DEFAULT_STOP_TIMEOUT,
    disabled: reader.read('DISABLED', values.parseYesNo) ?? false,
    onboot: readOnboot(reader),
    bootorder: reader.read('BOOTORDER', values.parseOrder),
    autostop: reader.read('AUTOSTOP', AUTOSTOP.parse) ?? 'stop',
  };
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

function readOnboot(reader: SettingReader): boolean | undefined {
  const onboot = reader.read('ONBOOT', ONBOOT.parse);
  return onboot === 'auto' ? undefined : onboot;
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
