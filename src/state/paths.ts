/** Where everything is, and how all of it can be moved under another directory. */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

export interface Paths {
  /** Prefix of every path, '' for the host itself. */
  readonly rootDir: string;
  readonly configDir: string;
  readonly namesDir: string;
  readonly hostConfig: string;
  readonly runDir: string;
  /** Name of a control group below ours for another root's containers, "" for the host's own. */
  readonly cgroupGroup: string;
  /** A path of the configuration as a path of this host. */
  at(path: string): string;
  config(ctid: number): string;
  /** Config of a container that is being made: it names what to clean up if that is cut short. */
  creating(ctid: number): string;
  /** Config that a container will have once the private area that it names is filled. */
  filling(ctid: number): string;
  /** The same, once that area is to take the place of the old one. */
  replacing(ctid: number): string;
  /** Names the id that a container is to have in place of this one, or the other way round. */
  renaming(ctid: number): string;
  /** Says that a container is gone with the command that it was made for. */
  throwaway(ctid: number): string;
  record(ctid: number): string;
  /** Names the files that a migration to here has left for the next one. */
  kept(ctid: number): string;
  /** How far its migration to another host has come. */
  migrating(ctid: number): string;
  /** Says where the state of a container is being put, or taken from. */
  suspending(ctid: number): string;
  resuming(ctid: number): string;
  /** Which action scripts have been run for a container that is up, or are being run. */
  scripts(ctid: number): string;
  /** Where a container's network namespace is mounted while it has interfaces of the host. */
  network(ctid: number): string;
  /** Files of named networks, for rules of packet filters. */
  readonly firewallDir: string;
  /** Files of bridges that are made on request. */
  readonly bridgesDir: string;
  /** Which networks are of which class of traffic. */
  readonly trafficClasses: string;
  /** What a container has sent and received. */
  traffic(ctid: number): string;
  /** The private networks that this host has chosen. */
  readonly privateNetworks: string;
  /** Says that a guest has rebooted, and is to be started again. */
  rebooting(ctid: number): string;
  /** Socket of the process that inits are children of. */
  readonly keeper: string;
  /** Socket of the node service. */
  readonly serviceSocket: string;
  /** What the node service has to know after the next boot. */
  readonly serviceState: string;
  /** What a container's console showed last. */
  consoleLog(ctid: number): string;
  /** Where a disk image's file system is mounted while its top is worked on. */
  area(ctid: number): string;
  /** Where a container's tree is mounted to be read. */
  contents(ctid: number): string;
  /** Where bind mounts of a container are while its processes are brought back: its own root finds its way there. */
  binds(ctid: number): string;
  /** Names the directory where a snapshot is mounted. */
  view(ctid: number, uuid: string): string;
  sample(name: string): string;
}

export function openPaths(rootDir: string | undefined): Paths {
  const prefix = rootDir === undefined || rootDir === '/' ? '' : resolve(rootDir);
  // Made absolute first: '..' ends at the root directory.
  const at = (path: string): string => join(`${prefix}/`, join('/', path));
  const configDir = at('/etc/vz/conf');
  const runDir = at('/run/vz');
  const digest = createHash('sha256').update(prefix).digest('hex').slice(0, 8);
  return {
    rootDir: prefix,
    configDir,
    namesDir: at('/etc/vz/names'),
    hostConfig: at('/etc/vz/vz.conf'),
    runDir,
    cgroupGroup: prefix === '' ? '' : `root-${digest}`,
    at,
    config: (ctid) => `${configDir}/${ctid}.conf`,
    creating: (ctid) => `${configDir}/.${ctid}.conf.creating`,
    filling: (ctid) => `${configDir}/.${ctid}.conf.filling`,
    replacing: (ctid) => `${configDir}/.${ctid}.conf.replacing`,
    renaming: (ctid) => `${configDir}/.${ctid}.conf.renaming`,
    throwaway: (ctid) => `${configDir}/.${ctid}.conf.throwaway`,
    suspending: (ctid) => `${runDir}/.${ctid}.suspending`,
    resuming: (ctid) => `${runDir}/.${ctid}.resuming`,
    migrating: (ctid) => `${configDir}/.${ctid}.conf.migrating`,
    kept: (ctid) => `${configDir}/.${ctid}.conf.kept`,
    record: (ctid) => `${runDir}/${ctid}.json`,
    scripts: (ctid) => `${runDir}/${ctid}.scripts`,
    network: (ctid) => `${runDir}/${ctid}.network`,
    firewallDir: at('/etc/vz/firewall'),
    bridgesDir: at('/etc/vz/bridges'),
    trafficClasses: at('/etc/vz/networks_classes'),
    traffic: (ctid) => at(`/var/lib/vz/traffic/${ctid}.json`),
    privateNetworks: at('/var/lib/vz/network.json'),
    rebooting: (ctid) => `${runDir}/${ctid}.rebooting`,
    keeper: `${runDir}/keeper.sock`,
    serviceSocket: `${runDir}/cella.sock`,
    serviceState: at('/var/lib/vz/service.json'),
    consoleLog: (ctid) => at(`/var/log/vz/console/${ctid}.log`),
    area: (ctid) => `${runDir}/${ctid}.area`,
    contents: (ctid) => `${runDir}/${ctid}.contents`,
    binds: (ctid) => at(`/run/vz.binds/${ctid}`),
    view: (ctid, uuid) => `${runDir}/${ctid}.${uuid}.view`,
    sample: (name) => `${configDir}/ve-${name}.conf-sample`,
  };
}
