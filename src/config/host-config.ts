/** The host's typed configuration, from vz.conf. */

import { DEFAULT_PRIVATE, DEFAULT_ROOT } from './container-config.js';
import type { ConfigFile } from './grammar.js';
import { type HostNetwork, readHostNetwork } from './host-network.js';
import { parseLayout } from './layout.js';
import { ADMISSION, OVERCOMMIT } from './numbers.js';
import { isScalar } from './parameters.js';
import { SettingReader } from './setting-reader.js';
import * as values from './values.js';

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
  /** Where lxcfs is mounted, if it is. */
  readonly lxcfs: string;
  /** Minutes after which memory is taken from a container that does nothing; 0: never. */
  readonly reclaimIdle: number;
  /** Whether setup raises limits of the kernel that all containers share. */
  readonly raisesLimits: boolean;
  readonly network: HostNetwork;
  /** Whether a container starts for which there is no room. */
  readonly admission: { readonly mode: 'refuse' | 'warn' | 'off'; readonly overcommit: number | 'unlimited' };
}

const DUMP_DIR = ['DUMPDIR', '/var/lib/vz/dump'] as const;

/** For those who only look: whatever else the file says, and the default where it says nothing that can be used. */
export function dumpDirOf(file: ConfigFile): string {
  const [key, fallback] = DUMP_DIR;
  const reader = new SettingReader([{ file, name: '', isScalar }]);
  return reader.read(key, (text) => values.parsePath(text)) ?? fallback;
}

/** The host's settings with their defaults; throws one INVALID_CONFIG that lists every complaint. */
export function readHostConfig(file: ConfigFile, name: string): HostConfig {
  const reader = new SettingReader([{ file, name, isScalar }]);
  const path = (key: string, fallback: string): string =>
    reader.read(key, (text) => values.parsePath(text)) ?? fallback;
  const config: HostConfig = {
    template: path('TEMPLATE', '/var/lib/vz/template'),
    lockDir: path('LOCKDIR', '/run/vz/lock'),
    dumpDir: path(...DUMP_DIR),
    logFile: path('LOGFILE', '/var/log/vzctl.log'),
    logging: reader.read('LOGGING', values.parseYesNo) ?? true,
    parallel: reader.read('VE_PARALLEL', values.parseParallel) ?? 4,
    defaultTemplate: reader.read('DEF_OSTEMPLATE', values.parsePlainName) ?? 'busybox',
    defaultSample: reader.read('CONFIGFILE', values.parsePlainName) ?? 'vswap-256m',
    root: reader.read('VE_ROOT', values.parsePathPattern) ?? DEFAULT_ROOT,
    private: reader.read('VE_PRIVATE', values.parsePathPattern) ?? DEFAULT_PRIVATE,
    lxcfs: path('LXCFS', '/var/lib/lxcfs'),
    reclaimIdle: reader.read('RECLAIM_IDLE', values.parseCount) ?? 0,
    raisesLimits: !(reader.read('SKIP_SYSCTL_SETUP', values.parseYesNo) ?? false),
    network: readHostNetwork(reader),
    admission: {
      mode: reader.read('ADMISSION', ADMISSION.parse) ?? 'off',
      overcommit: reader.read('OVERCOMMIT_MEMORY', OVERCOMMIT.parse) ?? 100,
    },
  };
  reader.read('LOG_LEVEL', values.parseLevel);
  reader.read('VERBOSE', values.parseLevel);
  reader.read('STOP_TIMEOUT', values.parseSeconds);
  reader.read('VE_LAYOUT', parseLayout);
  reader.finish();
  return config;
}
