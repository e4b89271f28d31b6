/** A host, as library users hold it: the way to its containers. */
import { appendFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { type FoundBackup, findBackups } from '../backup/find.js';
import type { BridgeOptions } from '../config/bridges.js';
import { type ConfigFinding, type Repaired, repairConfig, validateConfig } from '../config/validate.js';
import type { Reporter } from '../events.js';
import type { Finding } from '../host/check/finding.js';
import type { ProcessPlace } from '../host/guest-processes.js';
import { memoryTotal, onlineCount } from '../host/resources.js';
import { Link } from '../migrate/link.js';
import type { Capacity } from '../plan/capacity/facts.js';
import { type Beancounters, beancounters } from './beancounters.js';
import { addBridge, type BridgeInfo, dropBridge, listBridges } from './bridges.js';
import { capacity } from './capacity.js';
import { check } from './check.js';
import { Container } from './container.js';
import { type Context, openContext } from './context.js';
import { type DiskTemplate, type ImportDiskOptions, importDiskTemplate } from './disk.js';
import { type ListOptions, list } from './list.js';
import type { ContainerInfo } from './listed.js';
import { resolveContainer } from './names.js';
import { receive } from './receive.js';
import { repairNetwork } from './repair-network.js';
import type { RestoreOptions } from './restore.js';
import { type BackupSource, type ExtractOptions, extract, openChain } from './restore-files.js';
import { type HostRoom, hostRoom, type RoomOptions } from './room.js';
import { type RunningCommand, type RunOptions, run } from './run.js';
import { type SplitOptions, splitSample, writeSample } from './sample.js';
import { serviceUnit, setup } from './setup.js';
import { Templates } from './templates.js';
import { type ContainerTraffic, traffic } from './traffic.js';
import { type ContainerUsage, locateAll, usage } from './usage.js';

export type { BridgeOptions } from '../config/bridges.js';
export type { ConfigFinding, Repaired } from '../config/validate.js';
export type { Finding } from '../host/check/finding.js';
export type { ProcessPlace } from '../host/guest-processes.js';
export type { Capacity, ContainerResources, HostResources } from '../plan/capacity/facts.js';
export type { Room } from '../plan/capacity/room.js';
export type { Beancounter, Beancounters } from './beancounters.js';
export type { BridgeInfo } from './bridges.js';
export type { Detail, ListOptions } from './list.js';
export type { ContainerInfo, Counter, DiskCounter } from './listed.js';
export type { HostRoom, RoomOptions } from './room.js';
export type { SplitOptions } from './sample.js';
export type { ContainerUsage } from './usage.js';

export interface HostOptions {
  /** Directory under which every path is taken; default: that of CELLA_ROOT, else the host's own root. */
  readonly rootDir?: string | undefined;
  /** Is told what happens; default: nobody is. */
  readonly report?: Reporter;
}

export async function openHost({
  rootDir = process.env.CELLA_ROOT,
  report,
}: HostOptions = {}): Promise<Host> {
  return new Host(openContext(rootDir, report));
}

export class Host {
  readonly templates: Templates;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.templates = new Templates(context);
  }

  /** A container by id or name; it need not exist yet. */
  container(idOrName: string | number): Container {
    return new Container(this.#context, resolveContainer(this.#context, idOrName));
  }

  /**
   * Makes a container for one command, and runs that.
   *
   * @example
   * const command = await host.run({ template: 'busybox', command: ['id'], remove: true, diff: true });
   * command.pipes?.stdout.pipe(process.stdout);
   * const { code, changes } = await command.wait();
   */
  run(options: RunOptions): Promise<RunningCommand> {
    return run(this.#context, options);
  }

  /** Takes a container from another host's `migrate`, whose words come in and go out here. */
  receive(input: Readable, output: Writable): Promise<void> {
    return receive(this.#context, new Link(input, output));
  }

  async list(options: ListOptions = {}): Promise<readonly ContainerInfo[]> {
    return list(this.#context, options);
  }

  /** What running containers hold of what is limited, and how often more was refused; default: all that run. */
  async beancounters({ ctids }: Pick<ListOptions, 'ctids'> = {}): Promise<readonly Beancounters[]> {
    return beancounters(this.#context, ctids);
  }

  /** What every container has used up to now; two looks tell how fast. */
  async usage(): Promise<readonly ContainerUsage[]> {
    return usage(this.#context);
  }

  /** What this host has, and what containers hold, were promised and may take of it: bytes, processes, weights. */
  async capacity({ ctids }: Pick<ListOptions, 'ctids'> = {}): Promise<Capacity> {
    return capacity(this.#context, ctids);
  }

  /**
   * How many more containers of a kind this host holds, and what runs out first, by what those of them hold that run.
   *
   * @example
   * const { more, first } = await host.room({ template: 'mail' });
   */
  room(options: RoomOptions = {}): Promise<HostRoom> {
    return hostRoom(this.#context, options);
  }

  /** The text of a sample configuration for one of `count` equal parts of this host. */
  async split(count: number, options: SplitOptions = {}): Promise<string> {
    return splitSample(this.#context, count, options);
  }

  /** Makes a new sample configuration, which `create` takes by its name; returns its path. */
  async addSample(name: string, text: string): Promise<string> {
    return writeSample(this.#context, name, text);
  }

  /**
   * Whether limits in the text of a configuration go together, and with this host. `vswap`: whether it is to limit memory.
   * `name` is for complaints. Throws INVALID_CONFIG for what cannot be read.
   */
  async validate(text: string, name: string, vswap?: boolean): Promise<readonly ConfigFinding[]> {
    return validateConfig(text, name, { vswap, host: here() });
  }

  /** The same text with what is put right that can be. */
  async repair(text: string, name: string, vswap?: boolean): Promise<Repaired> {
    return repairConfig(text, name, { vswap, host: here() });
  }

  /** In which container each process of the host is; those that are gone are left out. */
  async locate(pids: readonly number[]): Promise<readonly ProcessPlace[]> {
    return locateAll(this.#context, pids);
  }

  /** What this host has and lacks; nothing is changed, and an ordinary user may ask. */
  check(): Promise<readonly Finding[]> {
    return check(this.#context);
  }

  /** Puts back on this host what running containers have on the network; returns those that have anything there. */
  repairNetwork(): Promise<readonly number[]> {
    return repairNetwork(this.#context);
  }

  /**
   * Makes a bridge of this host, for `--netif_add`. It is there again after a reboot, once a container needs it.
   *
   * @example
   * await host.addBridge('br1', { ports: ['eth1'], addresses: ['192.0.2.1/24'] });
   */
  addBridge(name: string, options: BridgeOptions = {}): Promise<void> {
    return addBridge(this.#context, name, options);
  }

  removeBridge(name: string): Promise<void> {
    return dropBridge(this.#context, name);
  }

  /** Those that were made by `addBridge`. */
  bridges(): Promise<readonly BridgeInfo[]> {
    return listBridges(this.#context);
  }

  /** What each container has sent and received, by address and class of traffic. */
  traffic(): Promise<readonly ContainerTraffic[]> {
    return traffic(this.#context);
  }

  /** The systemd unit that runs `cella service` here. */
  serviceUnit(): string {
    return serviceUnit(this.#context);
  }

  setup(): Promise<readonly string[]> {
    return setup(this.#context);
  }

  /** Makes a template of the system on a virtual machine's disk. */
  importDisk(file: string, options: ImportDiskOptions): Promise<DiskTemplate> {
    return importDiskTemplate(this.#context, file, options);
  }

  /** Makes a container of a backup, under its own id if no other is given. */
  async restore(
    source: BackupSource,
    { ctid, ...options }: RestoreOptions & { readonly ctid?: number | string | undefined } = {},
  ): Promise<Container> {
    await using chain = await openChain(source, options.signal);
    const container = this.container(ctid ?? chain.newest.head.manifest.ctid);
    await container.restoreFrom(chain, options);
    return container;
  }

  /** Puts paths of a backup, with all that is below them, into a directory; returns how many files there were. */
  async extract(
    source: BackupSource,
    paths: readonly string[],
    directory: string,
    options: ExtractOptions = {},
  ): Promise<number> {
    await using chain = await openChain(source, options.signal);
    // Awaited: the chain is closed on the way out.
    return await extract(chain, paths, directory, options);
  }

  /** Oldest first; of the directory where backups go, if no other is given. */
  async backups(directory?: string): Promise<readonly FoundBackup[]> {
    return findBackups(directory ?? this.#context.paths.at(this.#context.hostConfig().dumpDir));
  }

  /** Appends a line to the log file, as vzctl writes it. */
  log(ctid: number | undefined, line: string): void {
    const { logging, logFile } = this.#context.hostConfig();
    if (!logging) return;
    const time = new Date().toISOString().replace(/\.\d+Z$/, '+0000');
    const subject = ctid === undefined ? '' : `CT ${ctid} : `;
    appendFileSync(
      this.#context.paths.at(logFile),
      `${time} vzctl : ${subject}${line.replace(/[\r\n]+/g, ' ')}\n`,
      { mode: 0o600 },
    );
  }
}

function here(): { readonly memory: bigint; readonly cpus: number } {
  return { memory: memoryTotal(), cpus: onlineCount() };
}
