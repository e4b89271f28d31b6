/** The processes of a container that comes from another host: restored, run on trial, and the host's from then on. */
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCriu } from '../host/criu/find.js';
import { retarget } from '../host/criu/images.js';
import { type MemoryClient, permitUserfaultfd, startMemoryClient } from '../host/criu/memory.js';
import { dismiss, guard } from '../host/launcher.js';
import { removeMountPoint } from '../host/mounts.js';
import { ProcessHandle, startTime } from '../host/processes.js';
import { syncFileSystem } from '../host/sync.js';
import type { Link } from '../migrate/link.js';
import { expect, LEASE_MS, type LiveFacts, type Message } from '../migrate/messages.js';
import { idMapOf } from '../plan/plan-root.js';
import { type DumpHeader, imagesOf, removeDump, resumingOf } from '../state/dump.js';
import { withUndo } from '../undo.js';
import type { Context } from './context.js';
import { expectWell } from './health.js';
import { openKeeper } from './keeper.js';
import { expectWhole } from './move-suspended.js';
import { intendNetwork, type NetworkIntent } from './network.js';
import { networkPlanOf } from './network-plan.js';
import type { Readiness } from './readiness.js';
import { receiveLast } from './receive-memory.js';
import { makePlace, restore } from './restore-state.js';
import { wakeSystemd } from './resume.js';
import { comingOf } from './suspended.js';

export interface State {
  readonly directory: string;
  readonly header: DumpHeader;
  /** Its memory follows. */
  readonly lazy: boolean;
  /** Settles when its images are there, and fit this host: what needs none of them begins before. */
  readonly images: Promise<unknown>;
}

/** How often the two sides hear of each other while memory follows. */
const BEAT_MS = 2000;

interface Receiving {
  readonly there: LiveFacts;
  readonly here: LiveFacts;
  readonly last: Extract<Message, { readonly type: 'state' }>;
  readonly readiness: Readiness;
}

/** Begins to take its images. */
export function receiveState(
  context: Context,
  link: Link,
  config: ContainerConfig,
  { there, here, last, readiness }: Receiving,
): State {
  const { ctid } = config;
  const { memory: rounds = 0, header } = last;
  const images = receiveLast(context, link, { ctid, rounds, unpacks: readiness.unpacks }).then((directory) =>
    fitImages(directory, config, { there, here, header }),
  );
  images.catch(() => undefined);
  return {
    directory: comingOf(context, ctid),
    header: { ...header, ctid },
    lazy: last.lazy === true,
    images,
  };
}

interface Images {
  readonly there: LiveFacts;
  readonly here: LiveFacts;
  readonly header: DumpHeader;
}

/** What was another host's in them is this one's. */
export async function fitImages(
  images: string,
  config: ContainerConfig,
  { there, here, header }: Images,
): Promise<void> {
  faultPoint('receive.state');
  await expectWhole(images, header);
  const ids = idMapOf(config);
  retarget(images, {
    groups: { from: there.group, to: here.group },
    ...(ids ? { ids: { uid: ids.uid, gid: ids.gid } } : {}),
  });
}

export interface Arrived {
  readonly network: NetworkIntent | undefined;
}

/** Returns once the other side has said that it is to be kept; whatever happens before that, nothing of it is left. */
export async function arrive(
  context: Context,
  config: ContainerConfig,
  link: Link,
  { directory, header, lazy, images }: State,
  readiness: Readiness,
): Promise<Arrived> {
  readiness.begin();
  // While much else is made: it takes its time.
  await using permitted = lazy ? permitUserfaultfd() : undefined;
  const criu = await findCriu('MIGRATION_FAILED');
  const network = await intendNetwork(context, networkPlanOf(context, config));
  using keeper = await openKeeper(context, { always: header.console !== undefined });
  return await withUndo(async (undo) => {
    undo.push('keep its state', async () => {
      await images.catch(() => undefined);
      removeDump(directory);
      removeDump(resumingOf(directory));
      removeMountPoint(config.root);
    });
    const fetching = lazy ? images.then(() => startMemoryClient(criu, imagesOf(directory))) : undefined;
    fetching?.catch(() => undefined);
    undo.push('fetch memory', async () => (await fetching?.catch(() => undefined))?.kill());
    const place = await makePlace(context, config, { header, network, undo, migrated: true });
    await images;
    const trial = new Trial();
    undo.push('have it on trial', () => trial.end());
    const ready = (pid: number): Promise<void> => trial.hold(pid, link);
    const memory = await fetching;
    if (memory) link.carry(memory.requests, memory.pages);
    const restoring = { program: criu.program, directory, header, network, keeper, undo, ready, lazy };
    await permitted?.ready;
    const { init, console } = await restore(context, place, restoring);
    using _init = init;
    await Promise.all([readiness.endHaste(), permitted?.letGo()]);
    // Without a keeper it has none.
    if (console >= 0) closeSync(console);
    wakeSystemd(init);
    await expectWell(init.pid, place, header);
    faultPoint('receive.runs');
    await link.send({ type: 'runs' });
    if (memory) await trial.untilWhole(link, memory);
    await expect(link, ['keep'], trial.left());
    trial.pass();
    for (const at of [config.root, config.privateArea]) await syncFileSystem(at);
    removeDump(resumingOf(directory));
    // Before it is entered in the books: what is in them runs whatever becomes of us, and what is not is ended by recover().
    trial.dismiss();
    faultPoint('receive.kept');
    return { network };
  });
}

/** A copy of which nobody has said that it is to be kept: it ends with us, and when its time is over. */
class Trial {
  #tie = -1;
  #until = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** Has a restored one wait until it may run. */
  async hold(pid: number, link: Link): Promise<void> {
    using init = ProcessHandle.find(pid, startTime(pid) ?? '');
    if (!init) throw new CellaError('MIGRATION_FAILED', 'it ended while it was restored');
    this.#tie = await guard(init);
    faultPoint('receive.restored');
    await link.send({ type: 'restored' });
    await expect(link, ['go'], LEASE_MS);
    this.#extend();
    faultPoint('receive.go');
  }

  #extend(): void {
    clearTimeout(this.#timer);
    this.#until = Date.now() + LEASE_MS;
    this.#timer = setTimeout(() => this.end(), LEASE_MS);
  }

  /** Each word of the other side has it go on for a while. */
  async untilWhole(link: Link, { whole }: MemoryClient): Promise<void> {
    for (let isWhole = false; !isWhole; ) {
      await expect(link, ['beat'], this.left());
      this.#extend();
      faultPoint('receive.fetching');
      isWhole = await Promise.race([whole.then(() => true), sleep(BEAT_MS, false)]);
      await link.send({ type: isWhole ? 'whole' : 'beat' });
    }
  }

  /** ms. */
  left(): number {
    return Math.max(0, this.#until - Date.now());
  }

  /** It is to be kept: time does not matter any more. */
  pass(): void {
    clearTimeout(this.#timer);
  }

  /** It outlives us. */
  dismiss(): void {
    dismiss(this.#tie);
    this.#tie = -1;
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#tie >= 0) closeSync(this.#tie);
    this.#tie = -1;
  }
}
