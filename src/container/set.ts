/** set: changes a container's parameters, at once where it runs, for good with --save. */
import { isDeepStrictEqual } from 'node:util';
import { type ContainerConfig, readContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { applyEdits, type Edits, isSaved, withoutEffect } from '../config/edits.js';
import { formatConfig, parseConfig } from '../config/grammar.js';
import { findByKey } from '../config/parameters.js';
import { editsFromSample } from '../config/samples.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { confinementOf, unusable } from '../plan/confinement.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readText } from '../state/text-file.js';
import { withUndo } from '../undo.js';
import { admitGrowth } from './admission.js';
import { areaOf, storeOf } from './area.js';
import { askForAddresses } from './ask-for-addresses.js';
import { changeGiven, GIVEN_KEYS } from './change-given.js';
import { NETWORK_KEYS, setNetwork } from './change-network.js';
import { changeGuest } from './configure.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { expectHonoured } from './honour.js';
import { applyLimits, applyLive, waitingKeys } from './live.js';
import { linkName, unlinkName } from './names.js';
import { reserveAddresses } from './network-plan.js';
import { findRunning, type Running, recover } from './recover.js';
import { applyView } from './view.js';

export interface SetOptions {
  readonly save: boolean;
  /** Name of a sample configuration, whose parameters are set first. */
  readonly applyConfig?: string | undefined;
  /** What cannot be applied at once is only saved. */
  readonly force?: boolean;
  /** For what a running container has to be started anew for: do so, or do not warn of it. */
  readonly setMode?: 'restart' | 'ignore' | undefined;
  /** Gives a running container the limits of its configuration once more; without any changes. */
  readonly resetLimits?: boolean;
  readonly signal?: AbortSignal;
}

/** `restart`: it has to be started anew, and that was asked for. */
export async function set(
  context: Context,
  ctid: Ctid,
  changes: Edits,
  options: SetOptions,
): Promise<{ readonly restart: boolean }> {
  expectSense(changes, options);
  using _lock = await lockContainer(context, ctid, 'set', options.signal);
  await recover(context, ctid);
  const before = loadConfig(context, ctid);
  const running = findRunning(context, ctid);
  using init = running?.init;
  if (options.resetLimits) {
    if (!init) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
    applyLimits(context, before);
    return { restart: false };
  }
  const edits = new Map([...sampleEdits(context, options.applyConfig), ...changes]);
  await reserveAddresses(context, changed(context, ctid, edits).after);
  const { after, text } = changed(context, ctid, edits);
  const waiting = init ? waitingFor({ before, after }, edits) : [];
  const restart = waiting.length > 0 && options.setMode === 'restart';
  if (restart && !options.save)
    throw new CellaError('BAD_OPTION', 'a restart would lose the changes: it needs --save');
  // Until it is saved, as others look for it there.
  using _admission =
    init && !options.force
      ? await admitGrowth(context, { before, after }, { advice: '--force sets it', signal: options.signal })
      : undefined;
  await apply(context, { before, after }, { edits, given: new Set(changes.keys()), running, options });
  if (options.save) save(context, { before, after }, { text, named: edits.has('NAME') });
  warnOfNoEffect(context, ctid, changes);
  if (EQUIPMENT.some((key) => edits.has(key))) warnOfEquipment(context, after);
  if (!restart && options.setMode !== 'ignore') warnOfRestart(context, ctid, waiting);
  if (!options.save && isSaved(edits))
    warn(context, ctid, 'the configuration file is not updated: use --save to keep the changes');
  return { restart };
}

function expectSense(changes: Edits, { save, resetLimits, applyConfig }: SetOptions): void {
  if (changes.has('NAME') && !save)
    throw new CellaError('BAD_OPTION', 'a name can only be set together with --save');
  if (resetLimits && (changes.size > 0 || applyConfig !== undefined || save))
    throw new CellaError('BAD_OPTION', '--reset_ub goes with no other option');
}

function sampleEdits(context: Context, name: string | undefined): Edits {
  if (name === undefined) return new Map();
  const text = readText(context.paths.sample(name));
  if (text !== undefined) return editsFromSample(parseConfig(text));
  throw new CellaError('APPLY_FAILED', `sample '${name}' does not exist`, {
    hint: `Look at ${context.paths.configDir} for samples.`,
  });
}

/** The configuration with the changes, checked as a whole before anything is touched. */
function changed(context: Context, ctid: Ctid, edits: Edits): { after: ContainerConfig; text: string } {
  const path = context.paths.config(ctid);
  const text = formatConfig(applyEdits(parseConfig(readText(path) ?? ''), edits));
  const names = { host: context.paths.hostConfig, container: path };
  return { after: readContainerConfig(ctid, context.hostFile(), parseConfig(text), names), text };
}

interface Change {
  readonly before: ContainerConfig;
  readonly after: ContainerConfig;
}

interface Applying {
  readonly edits: Edits;
  /** Those that no sample says. */
  readonly given: ReadonlySet<string>;
  readonly running: Running | undefined;
  readonly options: SetOptions;
}

/** What confines init alike, as another level of NETFILTER mostly does, waits for nothing. */
function waitingFor({ before, after }: Change, edits: Edits): readonly string[] {
  const isAlike = isDeepStrictEqual(confinementOf(before).without, confinementOf(after).without);
  return waitingKeys(edits.keys()).filter((key) => !isAlike || !CONFINING.includes(key));
}

/** All of it or, where something fails, nothing. */
async function apply(context: Context, change: Change, applying: Applying): Promise<void> {
  const { edits, given, running, options } = applying;
  const keys = new Set(edits.keys());
  const { before } = change;
  // Where its files are does not change by that.
  const after = { ...change.after, root: before.root, privateArea: before.privateArea };
  try {
    expectHonoured(context, after, given);
    await withUndo(async (undo) => {
      if (running) {
        undo.push('set the limits', () => applyLimits(context, before, keys));
        await applyLive(context, after, keys, given);
        const record = NETWORK_KEYS.some((key) => keys.has(key))
          ? await setNetwork(context, { before, after }, running, undo)
          : running.record;
        if (keys.has('PROC_VIEW')) {
          undo.push('change its view', async () => void (await applyView(context, before, running.init)));
          await applyView(context, after, running.init);
        }
        if (GIVEN_KEYS.some((key) => keys.has(key)))
          await changeGiven(context, after, { ...running, record });
      }
      if ((running || options.save) && !isDeepStrictEqual(before.disk, after.disk)) {
        const area = areaOf(context, before);
        undo.push('set the disk limit', () => storeOf(before).limit({ ...area, limits: before.disk }));
        await storeOf(before).limit({ ...area, limits: after.disk });
      }
      // Last: what was in files of the guest is not kept.
      await changeGuest(context, after, { changes: edits, now: running !== undefined || options.save });
      if (running && keys.has('NETIF')) await askForAddresses(context, before, after);
    });
  } catch (error) {
    if (!options.force || !options.save || !(error instanceof CellaError)) throw error;
    warn(context, before.ctid, `${error.message}; saved all the same`);
  }
}

function save(
  context: Context,
  { before, after }: Change,
  { text, named }: { readonly text: string; readonly named: boolean },
): void {
  const { ctid } = before;
  if (named) {
    if (after.name !== undefined) linkName(context, ctid, after.name);
    if (before.name !== undefined && before.name !== after.name) unlinkName(context, ctid, before.name);
  }
  faultPoint('set.applied');
  writeFileAtomic(context.paths.config(ctid), text, { durable: true });
}

/** One warning for all that is only kept. */
export function warnOfNoEffect(context: Context, ctid: Ctid, edits: Edits): void {
  const options = withoutEffect(edits);
  if (options.length > 0) warn(context, ctid, `no effect on this system, only kept: ${options.join(' ')}`);
}

function warnOfRestart(context: Context, ctid: Ctid, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const options = keys.map((key) => findByKey(key)?.option ?? key).join(' ');
  warn(context, ctid, `from its next start on: ${options}; --setmode restart starts it anew`);
}

function warn(context: Context, ctid: Ctid, message: string): void {
  context.report({ type: 'warning', ctid, message });
}

/** A warning for each kind of features and capabilities that does nothing here. */
export function warnOfEquipment(context: Context, config: ContainerConfig): void {
  for (const message of unusable(config)) warn(context, config.ctid, message);
}

const EQUIPMENT = ['CAPABILITY', 'FEATURES'] as const;
const CONFINING: readonly string[] = ['CAPABILITY', 'NETFILTER'];
