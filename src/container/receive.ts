/** A container that comes from another host. Until that says that it is to be kept it counts for nothing here. */
import { existsSync, writeFileSync } from 'node:fs';
import { type Ctid, parseCtid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { whyNotFetched } from '../host/criu/memory.js';
import { isScript } from '../host/script.js';
import type { Link } from '../migrate/link.js';
import { expect, failed, type Hello, PROTOCOL } from '../migrate/messages.js';
import { ACTIONS } from '../plan/action-scripts.js';
import { arrange } from './arrange.js';
import { type Arrived, arrive, receiveState, type State } from './arrive.js';
import { type Context, lockContainer } from './context.js';
import { expectFree } from './create.js';
import { fitsKept, keepArea } from './kept-area.js';
import { expectFit, liveFacts } from './live-facts.js';
import { lockAllocation, makeFiles } from './make.js';
import { putSuspended } from './move-suspended.js';
import { announceNetwork } from './network.js';
import { readyPrivate } from './network-plan.js';
import { Readiness } from './readiness.js';
import { type Filling, fill } from './receive-area.js';
import { endCopy, recover } from './recover.js';
import { start } from './start.js';

/** Serves one connection; whatever fails is told to the other side as well. */
export async function receive(context: Context, link: Link): Promise<void> {
  try {
    const asked = await expect(link, ['hello', 'ask']);
    if (asked.type === 'ask') return await answer(context, link, parseCtid(String(asked.ctid)));
    await take(context, link, asked);
  } catch (error) {
    await link.send(failed(error)).catch(() => undefined);
    throw error;
  }
}

/** Whoever is still receiving it has come to an end by the time that its lock is free. */
async function answer(context: Context, link: Link, ctid: Ctid): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'receive');
  await recover(context, ctid);
  await link.send({ type: existsSync(context.paths.config(ctid)) ? 'kept' : 'none' });
}

async function take(context: Context, link: Link, hello: Hello): Promise<void> {
  if (hello.protocol !== PROTOCOL)
    throw new CellaError(
      'MIGRATION_FAILED',
      `this host speaks version ${PROTOCOL} of migration, not ${hello.protocol}`,
    );
  const ctid = parseCtid(String(hello.ctid));
  const isToStart = await keepFrom(context, link, ctid, hello);
  if (!isToStart) return;
  await begin(context, ctid);
  await link.send({ type: 'started' });
}

/** With its lock held; returns whether it is to be started. */
async function keepFrom(context: Context, link: Link, ctid: Ctid, hello: Hello): Promise<boolean> {
  using _lock = await lockContainer(context, ctid, 'receive');
  await recover(context, ctid);
  expectFree(context, ctid);
  await readyPrivate(context, context.readContainer(ctid, hello.config, context.paths.config(ctid)));
  using ids = await lockAllocation(context, 'receive');
  const { text, config, onTemplate } = arrange(context, ctid, hello);
  const live = hello.live && { there: hello.live, here: await liveFacts(context, config) };
  if (live) expectFit(live.there, live.here, hello.ignore);
  const alone = hello.snapshots === 0;
  const goesOn = alone && fitsKept(context, config);
  const notAfter = live && whyNotFetched(live.there.criu, live.here.criu);
  await link.send({ type: 'welcome', onTemplate, goesOn, notAfter });
  if (hello.checkOnly) return false;
  await using readiness = new Readiness();
  let state: State | undefined;
  let arrived: Arrived | undefined;
  let start = false;
  const onState: Filling['onState'] = (last) => {
    if (live) state = receiveState(context, link, config, { ...live, last, readiness });
  };
  try {
    await makeFiles(context, config, {
      text,
      ...(hello.keep && alone ? { unmake: (path) => keepArea(context, config, path) } : {}),
      fill: async (area) => {
        ids.release();
        if (live && hello.suspended) {
          onState(await expect(link, ['state']));
          await state?.images;
        }
        const filling = { config, area, goesOn, ignore: hello.ignore, readiness, onState };
        const last = await fill(context, link, filling);
        if (last.type === 'keep') start = last.start;
      },
      made: async () => {
        if (state && hello.suspended) await putSuspended(context, config, state);
        else if (state) arrived = await arrive(context, config, link, state, readiness);
        faultPoint('receive.placed');
        takeScripts(context, ctid, hello.scripts);
      },
    });
    faultPoint('receive.made');
  } catch (error) {
    await state?.images.catch(() => undefined);
    // Where it could not be entered in the books after all, it is not to run beside them.
    await endCopy(context, ctid, config.root);
    throw error;
  }
  await link.send({ type: 'kept' });
  await expect(link, ['bye']).catch(() => undefined);
  if (arrived?.network) announceNetwork(arrived.network);
  return start;
}

function takeScripts({ paths }: Context, ctid: Ctid, scripts: Hello['scripts']): void {
  for (const action of ACTIONS) {
    const [text, path] = [scripts[action], `${paths.configDir}/${ctid}.${action}`];
    if (text !== undefined && !isScript(path)) writeFileSync(path, text, { mode: 0o700 });
  }
}

async function begin(context: Context, ctid: Ctid): Promise<void> {
  const { init } = await start(context, ctid, {});
  init[Symbol.dispose]();
}
