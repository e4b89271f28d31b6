/** The processes of a container that comes from another host: restored, run on trial, and the host's from then on. */
import { closeSync, mkdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findCriu } from '../host/criu/find.js';
import { retarget } from '../host/criu/images.js';
import { dismiss, guard } from '../host/launcher.js';
import { removeMountPoint } from '../host/mounts.js';
import { ProcessHandle, startTime } from '../host/processes.js';
import { unpacked } from '../migrate/archive.js';
import type { Link } from '../migrate/link.js';
import { expect, LEASE_MS, type LiveFacts, type Message } from '../migrate/messages.js';
import { idMapOf } from '../plan/plan-root.js';
import { type DumpHeader, imagesOf, removeDump, resumingOf } from '../state/dump.js';
import { unpack } from '../template/unpack.js';
import { withUndo } from '../undo.js';
import type { Context } from './context.js';
import { expectWell } from './health.js';
import { openKeeper } from './keeper.js';
import { expectWhole } from './move-suspended.js';
import { intendNetwork, type NetworkIntent } from './network.js';
import { networkPlanOf } from './network-plan.js';
import { sync } from './receive-files.js';
import { makePlace, restore } from './restore-state.js';
import { wakeSystemd } from './resume.js';
import { comingOf } from './suspended.js';

export interface State {
  readonly directory: string;
  readonly header: DumpHeader;
}

interface Receiving {
  readonly there: LiveFacts;
  readonly here: LiveFacts;
  readonly last: Extract<Message, { readonly type: 'state' }>;
}

/** Its images, made to fit this host. */
export async function receiveState(
  context: Context,
  link: Link,
  config: ContainerConfig,
  { there, here, last }: Receiving,
): Promise<State> {
  const directory = comingOf(context, config.ctid);
  const images = imagesOf(directory);
  removeDump(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(images, { mode: 0o711 });
  await receiveImages(link, images, config, { there, here, header: last.header });
  return { directory, header: { ...last.header, ctid: config.ctid } };
}

interface Images {
  readonly there: LiveFacts;
  readonly here: LiveFacts;
  readonly header: DumpHeader;
}

/** Into a directory that is empty. */
export async function receiveImages(
  link: Link,
  images: string,
  config: ContainerConfig,
  { there, here, header }: Images,
): Promise<void> {
  await unpack(unpacked(link.bytes()), images);
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
  { directory, header }: State,
): Promise<Arrived> {
  const { program } = await findCriu('MIGRATION_FAILED');
  const network = await intendNetwork(context, networkPlanOf(context, config));
  using keeper = await openKeeper(context, { always: header.console !== undefined });
  return await withUndo(async (undo) => {
    undo.push('keep its state', () => {
      removeDump(directory);
      removeDump(resumingOf(directory));
      removeMountPoint(config.root);
    });
    const place = await makePlace(context, config, { header, network, undo, migrated: true });
    const trial = new Trial();
    undo.push('have it on trial', () => trial.end());
    const ready = (pid: number): Promise<void> => trial.hold(pid, link);
    const restoring = { program, directory, header, network, keeper, undo, ready };
    const { init, console } = await restore(context, place, restoring);
    using _init = init;
    // Without a keeper it has none.
    if (console >= 0) closeSync(console);
    wakeSystemd(init);
    await expectWell(init.pid, place, header);
    faultPoint('receive.runs');
    await link.send({ type: 'runs' });
    await expect(link, ['keep'], trial.left());
    trial.pass();
    for (const at of [config.root, config.privateArea]) await sync(at);
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
    this.#until = Date.now() + LEASE_MS;
    this.#timer = setTimeout(() => this.end(), LEASE_MS);
    faultPoint('receive.go');
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
