/**
 * The dump of a container by CRIU: it stands still, all of it is written or handed over, and it ends, or goes on. See
 * `suspend` for which of these, and when.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { release as kernelRelease } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCgroup } from '../host/cgroup/index.js';
import { saveGroups } from '../host/cgroup/tree.js';
import { callCriu } from '../host/criu/call.js';
import { consoleOf } from '../host/criu/console.js';
import type { Criu } from '../host/criu/find.js';
import { obstaclesAtRest } from '../host/criu/inspect.js';
import { mendPrograms } from '../host/criu/programs.js';
import { isPassing } from '../host/criu/reasons.js';
import { prepareStillness, type Stillness } from '../host/criu/stillness.js';
import { makeTimersRelative } from '../host/criu/timers.js';
import { pidsBelow } from '../host/guest-processes.js';
import { hurry } from '../host/held-setting.js';
import { viewMounts } from '../host/lxcfs.js';
import { readGuestNetwork } from '../host/network/guest-settings.js';
import { native } from '../native/binding.js';
import {
  DEVICE_MOUNTS,
  dumpOptions,
  type ExternalMount,
  viewMount,
} from '../plan/checkpoint/criu-options.js';
import { formatVersion } from '../plan/checkpoint/criu-version.js';
import type { GuestNetwork } from '../plan/checkpoint/guest-network.js';
import { VIEWED } from '../plan/view.js';
import { type DumpHeader, headerOf, imagesOf, makeStaging, writeHeader } from '../state/dump.js';
import type { RuntimeRecord } from '../state/record.js';
import { externalBinds } from './held-binds.js';
import { LazyDump } from './lazy-dump.js';
import type { Running } from './recover.js';

const ATTEMPTS = 6;
const PAUSE_MS = 50;

/** What becomes of a state that is not to stay here; fails where the container is to go on. */
export type HandOver = (state: HandedState) => Promise<void>;

export interface HandedState {
  readonly header: DumpHeader;
  /** Their directory. */
  readonly images: string;
  /** From then on it stands still whatever becomes of us; whoever has this done has it go on again. */
  keep(): Promise<void>;
  /** Where it has to follow. */
  readonly served?: ServedMemory | undefined;
}

/** What is not in the images. */
export interface ServedMemory {
  /** Requests go in, pages come out once `serve` has been called. */
  readonly socket: Duplex;
  serve(): void;
}

export interface Dumping {
  /** Where it is to be; until `settle` puts it there it is beside that. */
  readonly directory: string;
  /** What becomes of the container: it is killed, stands still from then on, or runs. */
  readonly fate: 'ends' | 'waits' | 'goes on';
  /** What is to be of the same moment. */
  readonly meanwhile?: () => Promise<void>;
  /** Begins with that moment, beside CRIU's work in that directory of images: for what CRIU does not change. */
  readonly beside?: (images: string) => Promise<unknown>;
  /** In the stead of a place for it. */
  readonly handOver?: HandOver;
  /** Makes images of memory that it builds upon: anew each time, since what fails has the kernel forget what was changed. */
  readonly ahead?: (() => Promise<Memory>) | undefined;
}

interface Memory {
  /** Images, from the dump's own directory on. */
  readonly parent?: string | undefined;
  /** What is not in those is not written: `handOver` has it served from what stands still. */
  readonly lazy?: boolean;
}

/** Again where what stood in the way may be over by then. */
export async function dumpWhenQuiet(criu: Criu, running: Running, dumping: Dumping): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const memory = await dumping.ahead?.();
    try {
      return await dump(criu, running, dumping, memory);
    } catch (error) {
      if (
        dumping.fate === 'waits' ||
        attempt === ATTEMPTS ||
        !(error instanceof CellaError && isPassing(error.message))
      )
        throw error;
    }
    await findCgroup(running.record.cgroups).cgroup.thaw();
    await sleep(PAUSE_MS * attempt);
  }
}

async function dump(
  criu: Criu,
  { init, record }: Running,
  dumping: Dumping,
  { parent, lazy = false }: Memory = {},
): Promise<void> {
  const { directory, fate } = dumping;
  const staging = makeStaging(directory, { onMemory: parent !== undefined });
  const { v2, cgroup } = findCgroup(record.cgroups);
  if (v2 === null)
    throw new CellaError('SUSPEND_FAILED', 'this host has no cgroup v2, by which it could stand still');
  await leaveTrace(init.pid);
  await using hurried = hurry();
  const still = await prepareStillness(cgroup, v2, headerOf(staging));
  const images = openSync(imagesOf(staging), 'r');
  const { views, mounts } = mountsOf(init.pid, record);
  const server = lazy ? new LazyDump(staging) : undefined;
  const taking = new Taking({ criu, init: init.pid, record, v2, still, staging, views });
  try {
    const call = callCriu({
      program: criu.program,
      request: 'dump',
      timeOf: init.pid,
      alive: still.alive,
      log: `${imagesOf(staging)}/dump.log`,
      ...server?.call,
      options: {
        ...dumpOptions({ images, init: init.pid, mounts, cgroup: v2, goesOn: fate !== 'ends', parent }),
        ...server?.options,
      },
      hooks: {
        // Not before CRIU is there, which takes its time.
        'pre-dump': () => taking.begin(),
        // The last one before that.
        'query-ext-files': () => void setImmediate(() => taking.accompany(dumping)),
        'post-dump': () => {
          // What is left may take long.
          void hurried.letGo();
          return taking.end(dumping, server);
        },
      },
    });
    await (server ? server.end(call) : call);
  } finally {
    await taking.settled();
    await (fate === 'goes on' ? still.letGo() : still.keep());
    closeSync(images);
  }
  if (fate === 'waits') await cgroup.freeze();
  if (fate === 'goes on' && taking.header) writeHeader(staging, taking.header);
}

interface Taken {
  readonly criu: Criu;
  readonly init: number;
  readonly record: RuntimeRecord;
  /** Its directory of cgroup v2. */
  readonly v2: string;
  readonly still: Stillness;
  readonly staging: string;
  readonly views: readonly string[];
}

/** What is done beside CRIU while the container stands still. */
class Taking {
  readonly #of: Taken;
  #network: Promise<GuestNetwork | undefined> | undefined;
  #beside: Promise<unknown> | undefined;
  #isAccompanied = false;
  /** Once all of it is there. */
  header: DumpHeader | undefined;

  constructor(taken: Taken) {
    this.#of = taken;
  }

  async begin(): Promise<void> {
    const { still, init, v2 } = this.#of;
    await still.begin();
    const [why] = obstaclesAtRest(init, pidsBelow(v2));
    if (why !== undefined) throw new CellaError('SUSPEND_FAILED', why);
    makeTimersRelative(v2);
  }

  /** Begins what goes on beside CRIU's work: once CRIU has its answer, since each process that is started here takes its time. */
  accompany({ beside }: Dumping): void {
    if (this.#isAccompanied) return;
    this.#isAccompanied = true;
    const { init, record, staging } = this.#of;
    this.#beside = beside?.(imagesOf(staging));
    this.#beside?.catch(() => undefined);
    // Where the host has no tools for it, or it is too much, it does without.
    this.#network = readGuestNetwork(init, record.network?.plan).catch(() => undefined);
  }

  async end(dumping: Dumping, server: LazyDump | undefined): Promise<void> {
    const { meanwhile, handOver, fate } = dumping;
    const { still, staging } = this.#of;
    faultPoint('suspend.dumped');
    this.accompany(dumping);
    mendPrograms(imagesOf(staging));
    const header = await this.#describe();
    this.header = header;
    await this.#beside;
    await meanwhile?.();
    const state = { header, images: imagesOf(staging), keep: () => still.keep() };
    if (handOver) return server ? server.handOver(state, handOver) : handOver(state);
    if (fate === 'goes on') return;
    writeHeader(staging, header);
    faultPoint('suspend.written');
    await still.keep();
    faultPoint('suspend.kept');
  }

  /** Nothing of it goes on. */
  async settled(): Promise<void> {
    await this.#beside?.catch(() => undefined);
  }

  async #describe(): Promise<DumpHeader> {
    const { criu, init, record, v2, views } = this.#of;
    const guestNetwork = await this.#network;
    const console = consoleOf(init);
    return {
      version: 1,
      ctid: record.ctid,
      at: new Date().toISOString(),
      arch: process.arch,
      kernel: kernelRelease(),
      criu: formatVersion(criu.version),
      record,
      groups: saveGroups(v2),
      views,
      ...(guestNetwork ? { guestNetwork } : {}),
      ...(console === undefined ? {} : { console }),
    };
  }
}

/**
 * A new file in /run. CRIU puts a tmpfs back newest file first, whose inode then has the number 2, which may be the root's
 * too: it should be one that nobody watches. Where it cannot be made, watches are looked at all the same.
 */
async function leaveTrace(init: number): Promise<void> {
  const root = statSync(`/proc/${init}/root/`);
  await native()
    .replaceGuestFile(`/proc/${init}/root`, 'run/.cella', Buffer.alloc(0), {
      uid: root.uid,
      gid: root.gid,
      mode: 0o600,
    })
    .catch(() => undefined);
}

interface HostMounts {
  /** Files of lxcfs in the container, as VIEWED names them. */
  readonly views: readonly string[];
  readonly mounts: readonly ExternalMount[];
}

export function mountsOf(init: number, record: RuntimeRecord): HostMounts {
  const present = viewMounts(init).map(({ target }) => target);
  const views = VIEWED.filter((name) => present.includes(`/${name}`));
  return {
    views,
    mounts: [...DEVICE_MOUNTS, ...externalBinds(record), ...views.map((name) => viewMount(name, ''))],
  };
}
