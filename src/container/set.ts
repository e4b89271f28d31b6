/** set: changes a container's parameters, at once where it runs, for good with --save. */
import { writeFileSync } from 'node:fs';
import { readContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { applyEdits, type Edits, isSaved, withoutEffect } from '../config/edits.js';
import { formatConfig, parseConfig } from '../config/grammar.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { planCgroup } from '../plan/cgroup.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readText } from '../state/text-file.js';
import { areaOf, storeOf } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { exec } from './exec.js';
import { linkName, unlinkName } from './names.js';
import { findInit, recover } from './recover.js';

export interface SetOptions {
  readonly save: boolean;
  readonly signal?: AbortSignal;
}

/** Those of the private area, which lasts: changed for a stopped container only if they are saved too. */
const DISK = ['DISKSPACE', 'DISKINODES'] as const;

/** Keys whose change a running container feels at once. */
const LIVE = new Set(['PHYSPAGES', 'SWAPPAGES', 'NUMPROC', 'HOSTNAME']);

export async function set(
  context: Context,
  ctid: Ctid,
  changes: Edits,
  { save, signal }: SetOptions,
): Promise<void> {
  if (changes.has('NAME') && !save)
    throw new CellaError('BAD_OPTION', 'a name can only be set together with --save');
  using _lock = await lockContainer(context, ctid, 'set', signal);
  await recover(context, ctid);
  const before = loadConfig(context, ctid);
  const path = context.paths.config(ctid);
  const text = formatConfig(applyEdits(parseConfig(readText(path) ?? ''), changes));
  // Checked as a whole before anything is touched.
  const names = { host: context.paths.hostConfig, container: path };
  const after = readContainerConfig(ctid, context.hostFile(), parseConfig(text), names);
  using init = findInit(context, ctid);
  if (init) await apply(context, ctid, after, changes);
  if (DISK.some((key) => changes.has(key)) && (init || save))
    await storeOf(before).limit({ ...areaOf(context, before), limits: after.disk });
  if (save) {
    if (changes.has('NAME')) {
      if (after.name !== undefined) linkName(context, ctid, after.name);
      if (before.name !== undefined && before.name !== after.name) unlinkName(context, ctid, before.name);
    }
    faultPoint('set.applied');
    writeFileAtomic(path, text, { durable: true });
  }
  warnOfNoEffect(context, ctid, changes);
  if (!save && isSaved(changes)) {
    const message = 'the configuration file is not updated: use --save to keep the changes';
    context.report({ type: 'warning', ctid, message });
  }
}

/** One warning for all that is only kept. */
export function warnOfNoEffect(context: Context, ctid: Ctid, edits: Edits): void {
  const options = withoutEffect(edits);
  if (options.length === 0) return;
  const message = `no effect on this system, only kept: ${options.join(' ')}`;
  context.report({ type: 'warning', ctid, message });
}

type Config = ReturnType<typeof readContainerConfig>;

async function apply(context: Context, ctid: Ctid, config: Config, changes: Edits): Promise<void> {
  if (![...changes.keys()].some((key) => LIVE.has(key))) return;
  const { cgroups, cgroupGroup } = context.facts();
  const { limits } = planCgroup(cgroups, cgroupGroup, ctid, config);
  for (const { path, value } of limits) writeLimit(path, value);
  if (changes.has('HOSTNAME') && config.hostname !== undefined) {
    const naming = await exec(context, ctid, ['hostname', config.hostname]);
    naming.stdout.resume();
    naming.stderr.resume();
    const { code } = await naming.wait();
    if (code !== 0)
      throw new CellaError(
        'BAD_HOSTNAME',
        `container ${ctid} did not take the hostname '${config.hostname}'`,
      );
  }
}

function writeLimit(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (cause) {
    throw new CellaError('NO_RESOURCES', `cannot set '${path}' to ${value}`, { cause });
  }
}
